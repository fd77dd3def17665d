package dev.offramp.runtime.serve.protocol;

import static dev.offramp.runtime.serve.protocol.Bodies.of;
import static dev.offramp.runtime.serve.protocol.Bodies.tensor;
import static dev.offramp.runtime.serve.protocol.Bodies.text;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.offramp.models.ModelConfig;
import dev.offramp.runtime.Request;
import dev.offramp.runtime.TinyModel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Requests to a model of texts. */
class InferRequestTest {
  @TempDir private static Path temp;
  private static ModelConfig config;

  @BeforeAll
  static void writeModel() {
    config = Bodies.texts(temp);
  }

  private static InferRequest parse(String body) {
    return Bodies.parse(body, config);
  }

  private static void refuses(String body, String message) {
    Bodies.refuses(body, config, message);
  }

  private static List<String> texts(InferRequest request) {
    return request.requests().stream().map(one -> ((Request.Text) one.input()).text()).toList();
  }

  private static List<int[]> rows(InferRequest request) {
    return request.requests().stream()
        .map(one -> ((Request.Prepared) one.input()).numbers())
        .toList();
  }

  @Test
  void readsTextsInTheirOrder() {
    InferRequest request = parse(of("text", "BYTES", "[3]", "[\"wab\",\"\",\"Grüße \\u263a\"]"));
    assertThat(request.id()).isNull();
    assertThat(texts(request)).containsExactly("wab", "", "Grüße ☺");
    assertThat(request.outputs())
        .containsExactly(Output.PREDICTION, Output.CONFIDENCE, Output.EXIT);
    assertThat(request.requests())
        .allMatch(one -> !one.fullDepth() && !one.probabilities())
        .allMatch(one -> one.deadline().equals(Duration.ofSeconds(10)));
    for (String data : List.of("[\"a\",\"b\"]", "[[\"a\"],[\"b\"]]")) {
      assertThat(texts(parse(of("text", "BYTES", "[2,1]", data)))).containsExactly("a", "b");
    }
  }

  @Test
  void readsWhatIsAskedOfThem() {
    InferRequest request =
        parse(
            text(
                """
                "id":"4\\"2","parameters":{"full_depth":true,"timeout":1500,"binary_data_output":false},
                "outputs":[{"name":"label"},{"name":"probabilities","parameters":{"binary_data":false}}]\
                """));
    assertThat(request.id()).isEqualTo("4\"2");
    assertThat(request.outputs()).containsExactly(Output.LABEL, Output.PROBABILITIES);
    assertThat(request.requests())
        .containsExactly(
            new Request(new Request.Text("wab"), Duration.ofNanos(1_500_000), true, true));
  }

  @Test
  void takesNullForWhatNeedNotBeGiven() {
    InferRequest request = parse(text("\"id\":null,\"parameters\":null,\"outputs\":null"));
    assertThat(request).isEqualTo(parse(text("\"outputs\":[]")));
    String tensor = "{\"data\":[\"a\"],\"shape\":[1],\"parameters\":%s,\"datatype\":\"BYTES\"";
    for (String parameters : List.of("null", "{}", "{\"content_type\":\"str\"}")) {
      String body = "{\"inputs\":[" + tensor.formatted(parameters) + ",\"name\":\"text\"}]}";
      assertThat(texts(parse(body))).containsExactly("a");
    }
  }

  @Test
  void readsTokenIdsWithAndWithoutTheirMask() {
    String flat = of("input_ids", "INT64", "[2,3]", "[1,5,2,1,102,-0]");
    String nested = of("input_ids", "INT32", "[2,3]", "[[1,5,2],[1,102,0]]");
    for (String body : List.of(flat, nested)) {
      assertThat(rows(parse(body))).containsExactly(new int[] {1, 5, 2}, new int[] {1, 102, 0});
    }
    String ids = tensor("input_ids", "INT64", "[2,3]", "[1,5,2,1,2,0]");
    String mask = tensor("attention_mask", "INT32", "[2,3]", "[[1,1,1],[1,1,0]]");
    for (String body : List.of(ids + "," + mask, mask + "," + ids)) {
      assertThat(rows(parse("{\"inputs\":[" + body + "]}")))
          .containsExactly(new int[] {1, 5, 2}, new int[] {1, 2});
    }
  }

  @Test
  void refusesMasksThatAreNotOnesThenZeros() {
    String ids = tensor("input_ids", "INT64", "[2,3]", "[1,5,2,1,2,0]");
    String body = "{\"inputs\":[" + ids + ",%s]}";
    String mask = "attention_mask";
    refuses(
        body.formatted(tensor(mask, "INT64", "[2,3]", "[1,1,1,1,0,1]")),
        "$.inputs[1].data: row 1 has a 1 after a 0; pad at the end");
    refuses(
        body.formatted(tensor(mask, "INT64", "[2,3]", "[0,1,1,1,1,1]")),
        "$.inputs[1].data: row 0 has a 1 after a 0");
    refuses(
        body.formatted(tensor(mask, "INT64", "[2,3]", "[1,1,1,0,0,0]")),
        "$.inputs[1].data: row 1 has no 1; leave empty rows out");
    refuses(
        body.formatted(tensor(mask, "INT64", "[2,3]", "[1,1,1,1,2,0]")),
        "$.inputs[1].data: value 1 of row 1 is 2, must be 0 to 1");
    refuses(
        body.formatted(tensor(mask, "INT64", "[3,2]", "[1,1,1,1,1,1]")),
        "$.inputs[1].shape: is [3, 2]; the tensor attention_mask takes [2, 3]");
    refuses(
        body.formatted(tensor(mask, "BOOL", "[2,3]", "[1,1,1,1,1,1]")),
        "$.inputs[1].datatype: is BOOL; the tensor attention_mask takes INT64 or INT32");
  }

  @Test
  void refusesIdsThatTheModelDoesNotTake() {
    refuses(
        of("input_ids", "INT64", "[1,2]", "[1,103]"),
        "$.inputs[0].data: value 1 of row 0 is 103, must be 0 to 102");
    refuses(
        of("input_ids", "INT64", "[1,2]", "[1,-1]"),
        "$.inputs[0].data: value 1 of row 0 is -1, must be 0 to 102");
    int longer = TinyModel.MAX_TOKENS + 1;
    refuses(
        of("input_ids", "INT64", "[1," + longer + "]", "[1]"),
        "$.inputs[0].shape: is [1, 21]; the tensor input_ids takes [inputs, tokens] with 1 to 20");
    refuses(of("input_ids", "INT64", "[1,0]", "[]"), "$.inputs[0].shape: is [1, 0]; the tensor");
    refuses(of("input_ids", "INT64", "[2]", "[1,2]"), "$.inputs[0].shape: is [2]; the tensor");
    refuses(of("input_ids", "FP32", "[1,2]", "[1,2]"), "$.inputs[0].datatype: is FP32, and no");
    refuses(of("input_ids", "FP32", "[1]", "[0.5]"), "$.inputs[0].datatype: is FP32, and no");
    refuses(
        of("input_ids", "INT64", "[1,2]", "[\"1\",\"2\"]"),
        "$.inputs[0].data: holds strings, but its datatype is INT64; send whole numbers");
  }

  @ParameterizedTest
  @ValueSource(strings = {"1.5", "1e99", "1.0", "1E2", "-1.0e-2", "9223372036854775808", "1e-400"})
  void refusesNumbersThatAreNotWhole(String number) {
    refuses(
        of("input_ids", "INT64", "[1,2]", "[1," + number + "]"),
        "$.inputs[0].data[1]: must be a whole number in plain digits, found " + number);
    refuses(
        of("text", "BYTES", "[" + number + "]", "[\"a\"]"),
        "$.inputs[0].shape[0]: must be a whole number in plain digits, found " + number);
  }

  @Test
  void refusesNumbersThatNoIntHolds() {
    refuses(
        of("input_ids", "INT64", "[1,2]", "[[1,4294967297]]"),
        "$.inputs[0].data[0][1]: 4294967297 is out of range; correct it");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "[true]|$.inputs[0].data[0]: must be a string or a number, found true or false",
        "[null]|$.inputs[0].data[0]: must be a string or a number, found null",
        "[{}]|$.inputs[0].data[0]: must be a string or a number, found an object",
        "['a',1]|$.inputs[0].data[1]: is not of the type of the values before it; send one type",
        "[1,'a']|$.inputs[0].data[1]: is not of the type of the values before it; send one type",
        "['a',['b']]|$.inputs[0].data[1][0]: is not as deep in lists as the values before it",
        "[['a'],'b']|$.inputs[0].data[1]: is not as deep in lists as the values before it",
        "[['a'],[['b']]]|$.inputs[0].data[1][0][0]: is not as deep in lists as the values before it",
        "[['a'],[]]|$.inputs[0].data[1]: has a length of 0, the list before it 1; make",
        "[[[[['a']]]]]|$.inputs[0].data[0][0][0][0]: is nested more than 4 deep",
        "[[['a'],['b']]]|$.inputs[0].data: is not nested as its shape says",
        "[['a','b']]|$.inputs[0].data: is not nested as its shape says",
        "[['a'],['b']]|$.inputs[0].data: is not nested as its shape says",
        "['a','b',[]]|$.inputs[0].data: is not nested as its shape says",
        "['a']|$.inputs[0].data: has 1 values, its shape says 2; make them agree",
        "[]|$.inputs[0].data: has 0 values, its shape says 2; make them agree",
        "['a','b','c']|$.inputs[0].data[2]: is one value more than the 2 that the shape says",
        "[['a'],['b','c']]|$.inputs[0].data[1][1]: is one value more than the 2 that the shape says",
        "[1,2]|$.inputs[0].data: holds numbers, but its datatype is BYTES; send strings",
        "'ab'|$.inputs[0].data: must be a list, found a string; correct it",
        "null|$.inputs[0].data: must be a list, found null; correct it",
      },
      quoteCharacter = '`')
  void refusesDataThatIsNotTwoTexts(String data, String message) {
    refuses(of("text", "BYTES", "[2]", data.replace('\'', '"')), message);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "['a','b','c']|$.inputs[0].data: has 3 values, its shape says 2; make them agree",
        "['a','b','c','d','e']|$.inputs[0].data[4]: is one value more than the 4 that are taken",
        "[['a'],['b','c']]|$.inputs[0].data[1]: has a length of 2, the list before it 1; make",
      },
      quoteCharacter = '`')
  void refusesDataThatIsNotTwoTextsWhenTheShapeComesLater(String data, String message) {
    String tensor = "{\"name\":\"text\",\"datatype\":\"BYTES\",\"data\":%s,\"shape\":[2]}";
    refuses("{\"inputs\":[" + tensor.formatted(data.replace('\'', '"')) + "]}", message);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "[]|$.inputs[0].shape: says that there are no values; send one or more",
        "[0]|$.inputs[0].shape: says that there are no values; send one or more",
        "[-1]|$.inputs[0].shape: holds -1; give the number of those that are sent",
        "[5]|$.inputs[0].shape: says that there are 5 strings, at most 4 can come in this request",
        "[9223372036854775807]|$.inputs[0].shape: says that there are 9223372036854775807 strings,",
        "[1,2]|$.inputs[0].shape: is [1, 2]; the tensor text takes [1] or [1, 1]",
        "[1,4294967297]|$.inputs[0].shape: says that there are 4294967297 strings, at most 4",
        "[1,1,1]|$.inputs[0].shape: is [1, 1, 1]; the tensor text takes",
        "[1,1,1,1,1]|$.inputs[0].shape: has more than 4 numbers; no model takes such a tensor",
        "['1']|$.inputs[0].shape[0]: must be a whole number, found a string; correct it",
        "[[1]]|$.inputs[0].shape[0]: must be a whole number, found a list; correct it",
        "1|$.inputs[0].shape: must be a list, found a number; correct it",
      },
      quoteCharacter = '`')
  void refusesOtherShapes(String shape, String message) {
    refuses(of("text", "BYTES", shape.replace('\'', '"'), "[\"a\"]"), message);
  }

  @Test
  void saysHowLongTextsMayBe() {
    String fits = "x".repeat(50);
    assertThat(texts(parse(of("text", "BYTES", "[1]", "[\"" + fits + "\"]"))))
        .containsExactly(fits);
    refuses(
        of("text", "BYTES", "[2]", "[\"a\",\"x" + fits + "\"]"),
        "$.inputs[0].data[1]: has 51 characters, at most 50 are taken; make it shorter");
  }

  @Test
  void refusesTensorsThatItDoesNotKnow() {
    String text = tensor("text", "BYTES", "[1]", "[\"a\"]");
    String ids = tensor("input_ids", "INT64", "[1,1]", "[1]");
    String mask = tensor("attention_mask", "INT64", "[1,1]", "[1]");
    String body = "{\"inputs\":[%s]}";
    String known = "send text, or input_ids with or without attention_mask";
    refuses(body.formatted(""), "$.inputs: holds 0 ways to send inputs; " + known);
    refuses(body.formatted(mask), "$.inputs: holds 0 ways to send inputs; " + known);
    refuses(body.formatted(text + "," + ids), "$.inputs: holds 2 ways to send inputs; " + known);
    refuses(body.formatted(text + "," + mask), "$.inputs[1]: texts have no attention_mask");
    refuses(body.formatted(text + "," + text), "$.inputs[1].name: is given twice; remove one");
    refuses(body.formatted(ids + "," + mask + "," + text), "$.inputs[2]: is one tensor more than");
    refuses(
        of("image", "BYTES", "[1]", "[\"a\"]"), "$.inputs[0].name: there is no input image; send");
    refuses(of("text", "STRING", "[1]", "[\"a\"]"), "$.inputs[0].datatype: is STRING; the tensor");
    for (String field : List.of("name", "datatype", "shape", "data")) {
      // Cut out with its value and the comma before or after it.
      String without = text.replaceFirst("\"%s\":[^,}]*,?".formatted(field), "").replace(",}", "}");
      refuses(body.formatted(without), "$.inputs[0]." + field + ": is missing; add it");
      String twice = text.replaceFirst("(\"%s\":[^,}]*)".formatted(field), "$1,$1");
      refuses(body.formatted(twice), "$.inputs[0]." + field + ": is given twice; remove one");
    }
  }

  @Test
  void refusesParametersOfTensors() {
    String tensor = "{\"inputs\":[{\"name\":\"text\",\"datatype\":\"BYTES\",\"shape\":[1],";
    String end = ",\"data\":[\"a\"]}]}";
    refuses(
        tensor + "\"parameters\":{\"binary_data_size\":7}}]}",
        "$.inputs[0].parameters.binary_data_size: the binary data extension is not supported;"
            + " send the data as JSON");
    refuses(
        tensor + "\"parameters\":{\"content_type\":\"base64\"}" + end,
        "$.inputs[0].parameters.content_type: is base64; the tensor text takes str");
    refuses(
        tensor + "\"parameters\":{\"headers\":1}" + end,
        "$.inputs[0].parameters.headers: unknown parameter; remove it");
    refuses(
        tensor + "\"parameters\":[]" + end,
        "$.inputs[0].parameters: must be an object, found a list; correct it");
  }

  @ParameterizedTest
  @ValueSource(strings = {"lambda", "threshold", "thresholds", "certificate"})
  void aRequestCannotLoosenTheGuarantee(String name) {
    refuses(
        text("\"parameters\":{\"" + name + "\":0.5}"),
        "$.parameters." + name + ": thresholds are certified, a request cannot change them");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "'id':7|$.id: must be a string, found a number; correct it",
        "'parameters':{'full_depth':'true'}|$.parameters.full_depth: must be true or false, found",
        "'parameters':{'full_depth':1}|$.parameters.full_depth: must be true or false, found a",
        "'parameters':{'full_depth':null}|$.parameters.full_depth: must be true or false, found n",
        "'parameters':{'timeout':0}|$.parameters.timeout: is 0, must be 1 to 60000000 microseconds",
        "'parameters':{'timeout':60000001}|$.parameters.timeout: is 60000001, must be 1 to 60000000",
        "'parameters':{'timeout':-1}|$.parameters.timeout: is -1, must be 1 to",
        "'parameters':{'timeout':1e3}|$.parameters.timeout: must be a whole number in plain digits",
        "'parameters':{'timeout':'9'}|$.parameters.timeout: must be a whole number, found a string",
        "'parameters':{'priority':1}|$.parameters.priority: unknown parameter; remove it",
        "'parameters':{'binary_data_output':true}|$.parameters.binary_data_output: the binary data",
        "'outputs':{}|$.outputs: must be a list, found an object; correct it",
        "'outputs':['exit']|$.outputs[0]: must be an object, found a string; correct it",
        "'outputs':[{}]|$.outputs[0].name: is missing; add it",
        "'outputs':[{'name':'exit'},{'name':'logits'}]|$.outputs[1].name: there is no output logits",
        "'outputs':[{'name':'EXIT'}]|$.outputs[0].name: there is no output EXIT; ask for",
        "'outputs':[{'name':'exit'},{'name':'exit'}]|$.outputs[1].name: is given twice; remove one",
        "'outputs':[{'name':'exit','shape':[1]}]|$.outputs[0].shape: unknown field; remove it",
        "'outputs':[{'name':'exit','parameters':{'binary_data':true}}]"
            + "|$.outputs[0].parameters.binary_data: the binary data extension is not supported",
        "'outputs':[{'name':'exit','parameters':{'classification':3}}]"
            + "|$.outputs[0].parameters.classification: unknown parameter; remove it",
        "'model':'x'|$.model: unknown field; remove it (known here: id, parameters, inputs, outputs)",
        "'inputs':[]|$.inputs: is given twice; remove one",
      },
      quoteCharacter = '`')
  void refusesWhatIsNotOfTheProtocol(String field, String message) {
    refuses(text(field.replace('\'', '"')), message);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{}|$.inputs: is missing; add it",
        "[]|$: must be an object, found a list; correct it",
        "null|$: must be an object, found null; correct it",
        "{'inputs':null}|$.inputs: must be a list, found null; correct it",
        "{'inputs':[null]}|$.inputs[0]: must be an object, found null; correct it",
        "{'id':'1',}|$.id: is not strict JSON at line 1 column 12; correct it there",
        "{'id':'1'//x|$.id: is not strict JSON at line 1 column 11; correct it there",
        "{'id':TRUE}|$.id: is not strict JSON at line 1 column 7; correct it there",
        "{'id':NaN}|$.id: is not strict JSON at line 1 column 7; correct it there",
        "{'id':01}|$.id: is not strict JSON at line 1 column 7; correct it there",
        "{id:1}|$: is not strict JSON at line 1 column 3; correct it there",
      },
      quoteCharacter = '`')
  void refusesWhatIsNotStrictJson(String body, String message) {
    refuses(body.replace('\'', '"'), message);
  }

  @Test
  void refusesWhatIsNotOneDocumentInUtf8() {
    refuses("", "$: the body is empty; send a JSON document");
    refuses(text("\"id\":\"1\"") + "{}", "$: is not strict JSON at line 1");
    refuses(text("\"id\":\"1\"") + " 7", "$: is not strict JSON at line 1");
    byte[] latin = text("\"id\":\"é\"").getBytes(StandardCharsets.ISO_8859_1);
    Bodies.refuses(latin, config, "$");
    assertThatThrownBy(() -> InferRequest.parse(latin, config, Bodies.LIMITS))
        .hasMessageEndingWith("is not UTF-8 text; encode the body as UTF-8");
    refuses("{\"id\":\"a\tb\"}", "$.id: is not strict JSON");
    refuses("{\"id\":\"\\x\"}", "$.id: is not strict JSON");
    refuses(text("\"id\":\"" + "i".repeat(257) + "\""), "$.id: is longer than 256 characters");
  }

  @Test
  void quotesLittleOfTheRequestAndNothingThatHarmsALog() {
    String name = "\\u001b[31m\\u202e" + "y".repeat(10_000);
    String quoted = "?[31m?" + "y".repeat(34) + "…";
    refuses(of(name, "BYTES", "[1]", "[\"a\"]"), "$.inputs[0].name: there is no input " + quoted);
    refuses(of("text", name, "[1]", "[\"a\"]"), "$.inputs[0].datatype: is " + quoted + "; the");
    refuses(text("\"" + name + "\":1"), "$." + quoted + ": unknown field; remove it");
    refuses(text("\"parameters\":{\"" + name + "\":1}"), "$.parameters." + quoted + ": unknown");
    refuses(
        of("input_ids", "INT64", "[1]", "[" + "9".repeat(1_000) + "]"),
        "$.inputs[0].data[0]: must be a whole number in plain digits, found "
            + "9".repeat(40)
            + "…");
  }
}

package dev.offramp.runtime.demo;
public final class DemoReport { public static void write(java.nio.file.Path p, Demo.Result r, dev.offramp.kernels.DeviceInfo i){} public static String table(Demo.Result r){return "";} }

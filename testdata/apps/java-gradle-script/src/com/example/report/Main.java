package com.example.report;

import java.nio.file.Path;

/** A report of some rows. */
public class Main {
    public static void main(String[] args) {
        System.out.println(args[1] + " rows of " + System.getProperty("report.name") + " in " + Path.of("").toAbsolutePath() + ", heap " + Runtime.getRuntime().maxMemory() / (1 << 20));
    }
}

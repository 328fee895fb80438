package com.example.nativ;

import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;

/** Loads a library that its archive has. */
public class Native {
    static native int bits();

    public static void main(String[] args) throws Exception {
        Path file = Files.createTempFile("shop", ".so");
        try (InputStream in = Native.class.getResourceAsStream("/linux-x86_64/libshop.so")) {
            Files.write(file, in.readAllBytes());
        }
        System.load(file.toString());
        System.out.println("native: " + bits() + " bits");
    }
}

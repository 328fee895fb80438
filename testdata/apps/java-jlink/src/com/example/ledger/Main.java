package com.example.ledger;

import com.sun.net.httpserver.HttpServer;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.Charset;
import java.security.KeyPairGenerator;
import java.text.NumberFormat;
import java.util.Locale;
import java.util.logging.Logger;

/** Main asks itself over HTTP for what modules besides java.base answer. */
public class Main {
    public static void main(String[] args) throws Exception {
        Logger.getLogger("ledger").fine("starts");
        HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/", exchange -> {
            byte[] answer = answer().getBytes("UTF-8");
            exchange.sendResponseHeaders(200, answer.length);
            exchange.getResponseBody().write(answer);
            exchange.close();
        });
        server.start();
        URI uri = URI.create("http://127.0.0.1:" + server.getAddress().getPort() + "/");
        System.out.println(HttpClient.newHttpClient().send(HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.ofString()).body());
        server.stop(0);
    }

    /** What services of other modules say: of locales, encodings and elliptic curves. */
    private static String answer() {
        String keys;
        try {
            keys = KeyPairGenerator.getInstance("EC").generateKeyPair().getPublic().getAlgorithm();
        } catch (java.security.NoSuchAlgorithmException e) {
            keys = "none";
        }
        return "ledger: " + NumberFormat.getInstance(Locale.GERMANY).format(1234.5) + ", " + Charset.isSupported("windows-31j")
            + ", " + keys + ", windows " + ModuleLayer.boot().findModule("java.desktop").isPresent();
    }
}

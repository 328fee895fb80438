package com.example.shop;

import com.example.money.Money;
import com.sun.net.httpserver.HttpServer;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ResourceBundle;

/** A shop that answers with a price. */
public class Main {
    public static void main(String[] args) throws Exception {
        String answer = ResourceBundle.getBundle("com.example.shop.words").getString("greeting") + ", that is " + new Money(1990, "EUR") + "\n";
        if (args.length > 0) {
            System.out.print(answer);
            return;
        }
        HttpServer server = HttpServer.create(new InetSocketAddress(8080), 0);
        server.createContext("/", exchange -> {
            byte[] body = answer.getBytes(StandardCharsets.UTF_8);
            exchange.sendResponseHeaders(200, body.length);
            exchange.getResponseBody().write(body);
            exchange.close();
        });
        server.start();
        System.out.println("listening as " + System.getProperty("user.name") + " with " + System.getProperty("java.class.path"));
    }
}

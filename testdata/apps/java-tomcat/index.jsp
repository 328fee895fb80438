<%@ page contentType="text/plain; charset=UTF-8" %>hello from <%= System.getProperty("shop.name") %>, <%= application.getServerInfo().startsWith("Apache Tomcat/10") %>

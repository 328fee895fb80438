package check;

import java.io.ByteArrayOutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.nio.charset.Charset;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPairGenerator;
import java.security.KeyStore;
import java.time.ZoneId;
import java.util.Locale;
import java.util.logging.Logger;
import java.util.prefs.Preferences;
import java.util.zip.GZIPOutputStream;
import javax.management.ObjectName;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509TrustManager;

/** What distroless and others test of a Java in a small image. */
public class Check {
    interface Test { Object run() throws Exception; }

    static int failed, run;

    static void check(String name, Test test) {
        run++;
        try {
            Object got = test.run();
            if (Boolean.FALSE.equals(got)) {
                throw new Exception("it does not hold");
            }
        } catch (Throwable e) {
            failed++;
            System.out.println(name + ": " + e);
        }
    }

    public static void main(String[] args) {
        check("the default charset", () -> Charset.defaultCharset().name().equals("UTF-8"));
        check("names of files", () -> Files.exists(Path.of("/srv/h\u00e9llo.txt")));
        check("names of files in a list", () -> Files.list(Path.of("/srv")).anyMatch(p -> p.toString().endsWith("h\u00e9llo.txt")));
        check("the user", () -> System.getProperty("user.name") != null && System.getProperty("user.home") != null);
        check("zones", () -> ZoneId.of("Europe/Berlin").getRules() != null);
        check("locales", () -> String.format(Locale.GERMANY, "%,.2f", 1234.5).equals("1.234,50"));
        check("certificate authorities", () -> {
            TrustManagerFactory f = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
            f.init((KeyStore) null);
            return ((X509TrustManager) f.getTrustManagers()[0]).getAcceptedIssuers().length > 50;
        });
        check("TLS", () -> SSLContext.getDefault().getSupportedSSLParameters().getProtocols().length > 0);
        check("elliptic curves", () -> KeyPairGenerator.getInstance("EC").generateKeyPair());
        check("a client of HTTP", () -> HttpClient.newHttpClient());
        check("addresses", () -> InetAddress.getByName("localhost").isLoopbackAddress());
        check("sockets", () -> { try (ServerSocket s = new ServerSocket(0)) { return s.getLocalPort() > 0; } });
        check("a process", () -> new ProcessBuilder("/bin/true").start().waitFor() == 0);
        check("temporary files", () -> Files.exists(Files.createTempFile("a", "b")));
        check("compression", () -> { new GZIPOutputStream(new ByteArrayOutputStream()).close(); return true; });
        check("management", () -> java.lang.management.ManagementFactory.getPlatformMBeanServer().isRegistered(new ObjectName("java.lang:type=Memory")));
        check("logging", () -> { Logger.getLogger("x").fine("y"); return true; });
        check("preferences", () -> Preferences.userRoot() != null);
        check("scripts of XML", () -> javax.xml.parsers.DocumentBuilderFactory.newInstance().newDocumentBuilder().newDocument());
        check("the module file system", () -> Files.exists(Path.of(URI.create("jrt:/java.base/java/lang/Object.class"))));
        check("a recording", () -> new jdk.jfr.Recording().getState() != null);
        check("a naming service", () -> { try { new javax.naming.InitialContext().lookup("x"); } catch (javax.naming.NoInitialContextException e) { return true; } return false; });
        check("the virtual machine's own threads", () -> Thread.getAllStackTraces().size() > 1);
        System.out.println(failed == 0 ? "all " + run + " checks pass" : failed + " of " + run + " checks fail");
        System.exit(failed == 0 ? 0 : 1);
    }
}

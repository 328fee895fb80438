package com.example.charts;

import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import javax.imageio.ImageIO;

/** Draws text without a screen, as libraries for charts, spreadsheets and captchas do. */
public class Chart {
    public static void main(String[] args) throws Exception {
        BufferedImage image = new BufferedImage(200, 50, BufferedImage.TYPE_INT_RGB);
        Graphics2D g = image.createGraphics();
        g.setFont(new Font("DejaVu Sans", Font.BOLD, 20));
        g.drawString("100 %", 10, 30);
        int width = g.getFontMetrics().stringWidth("100 %");
        ByteArrayOutputStream png = new ByteArrayOutputStream();
        ImageIO.write(image, "png", png);
        ByteArrayOutputStream jpeg = new ByteArrayOutputStream();
        ImageIO.write(image, "jpeg", jpeg);
        System.out.println("drawn in " + g.getFont().getFamily() + ", wide: " + (width > 30) + ", png: " + (png.size() > 100) + ", jpeg: " + (jpeg.size() > 100));
    }
}

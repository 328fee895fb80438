package com.example.money;

import java.util.Currency;
import java.util.Locale;

/** An amount in a currency. */
public record Money(long cents, String currency) {
    @Override
    public String toString() {
        return String.format(Locale.ROOT, "%d.%02d %s", cents / 100, cents % 100, Currency.getInstance(currency).getSymbol(Locale.GERMANY));
    }
}

<?php
if (preg_match('#^/(style\.css)$#', $_SERVER['REQUEST_URI'])) {
    return false;
}
session_start();
$_SESSION['seen'] = ($_SESSION['seen'] ?? 0) + 1;
$price = (new NumberFormatter('de_DE', NumberFormatter::CURRENCY))->formatCurrency(1234.5, 'EUR');
printf("%s, %s, curl %s, seen %d, prepended %s\n", getenv('HOME') !== false ? 'home' : 'none', $price, is_array(curl_version()) ? 'ok' : '', $_SESSION['seen'], defined('STARTED') ? 'yes' : 'no');

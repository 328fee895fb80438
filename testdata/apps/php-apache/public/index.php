<?php
$db = new PDO('sqlite::memory:');
echo php_sapi_name(), ' ', mb_strtoupper('käse'), ' ', $db->query('select 6*7')->fetchColumn(), ' ', $_SERVER['REQUEST_URI'], "\n";

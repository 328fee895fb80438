<?php
require __DIR__ . '/acme/table/Table.php';

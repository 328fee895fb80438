<?php
echo PHP_SAPI, ' ', mb_strtoupper('käse'), ' ', ini_get('session.save_path'), "\n";

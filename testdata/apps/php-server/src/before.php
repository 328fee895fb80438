<?php
define('STARTED', microtime(true));

<?php
declare(strict_types=1);
require __DIR__ . '/vendor/autoload.php';

use Acme\Table;

$db = new PDO('sqlite::memory:');
$db->exec('CREATE TABLE t (name TEXT); INSERT INTO t VALUES (\'Ärger\'), (\'zwei\')');
$doc = new DOMDocument();
$doc->loadXML('<a><b>drei</b></a>');
$names = $db->query('SELECT name FROM t')->fetchAll(PDO::FETCH_COLUMN);
$names[] = $doc->getElementsByTagName('b')[0]->textContent;
echo (new Table($names))->upper(), "\n";
// What a shell runs, and what is started without one.
echo trim((string) shell_exec('echo \'{"a":[1,2]}\' | jq -c .a')), "\n";
$p = proc_open(['jq', '--version'], [1 => ['pipe', 'w']], $pipes);
echo trim(stream_get_contents($pipes[1])), "\n";
proc_close($p);
date_default_timezone_set('Europe/Berlin');
echo date('H:i T', 0), ' ', posix_getpwuid(posix_getuid())['name'] ?? 'nobody', "\n";

<?php
namespace Acme;

final class Table
{
    public function __construct(private array $names) {}

    public function upper(): string
    {
        return implode(' ', array_map(mb_strtoupper(...), $this->names));
    }
}

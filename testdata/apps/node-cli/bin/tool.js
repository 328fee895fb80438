#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import chalk from 'chalk'
import { program } from 'commander'

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url)))
program.version(version).option('--shout').argument('<words...>').action((words, options) => {
  const text = words.join(' ')
  console.log(chalk.reset(`tool ${version}: ${options.shout ? text.toUpperCase() : text}`))
})
program.parse()

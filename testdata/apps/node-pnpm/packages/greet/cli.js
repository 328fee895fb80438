#!/usr/bin/env node
const { name } = require('minimist')(process.argv.slice(2))
const api = require('module').createRequire(process.cwd() + '/x.js')
console.log(`hello ${name}, ${require('ms/package.json').version} here, ${api('ms/package.json').version} there`)

const assert = require('node:assert')
const { fork } = require('node:child_process')
const crypto = require('node:crypto')
const fs = require('node:fs')
const https = require('node:https')
const { builtinModules } = require('node:module')
const os = require('node:os')
const path = require('node:path')
const { Worker } = require('node:worker_threads')
const zlib = require('node:zlib')

const checks = {
  'every module of node loads' () {
    for (const name of builtinModules) {
      if (!name.startsWith('_') && name !== 'sys' && name !== 'punycode') require(name)
    }
  },
  'a file name in UTF-8' () {
    assert.ok(fs.readdirSync('.').includes('h\u00e9llo w\u00f6rld.txt'))
    assert.equal(fs.readFileSync('h\u00e9llo w\u00f6rld.txt', 'utf8'), 'gr\u00fc\u00dfe')
  },
  async 'TLS to a server of a private CA' () {
    const der = JSON.parse(fs.readFileSync(path.join(__dirname, 'tls.json')))
    const key = crypto.createPrivateKey({ key: Buffer.from(der.key, 'base64'), format: 'der', type: 'pkcs8' }).export({ type: 'pkcs8', format: 'pem' })
    const cert = new crypto.X509Certificate(Buffer.from(der.cert, 'base64')).toString()
    const server = https.createServer({ key, cert }, (req, res) => res.end('secret'))
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
    const answer = await fetch(`https://127.0.0.1:${server.address().port}/`)
    assert.equal(await answer.text(), 'secret')
    server.closeAllConnections()
    server.close()
  },
  'time zones' () {
    const at = new Date(Date.UTC(2026, 6, 1))
    assert.equal(at.toLocaleString('en-GB', { timeZone: 'America/New_York' }), '30/06/2026, 20:00:00')
    process.env.TZ = 'Asia/Tokyo'
    assert.equal(at.getHours(), 9)
  },
  Intl () {
    assert.equal(new Intl.NumberFormat('de-DE').format(1234.5), '1.234,5')
    assert.equal(new Intl.DateTimeFormat('ja-JP', { dateStyle: 'full', timeZone: 'UTC' }).format(0), '1970年1月1日木曜日')
    assert.equal(new TextDecoder('shift_jis').decode(Buffer.from([0x93, 0xfa])), '日')
    assert.deepEqual(['z', 'ö', 'a'].sort(new Intl.Collator('sv').compare), ['a', 'z', 'ö'])
  },
  async worker_threads () {
    const worker = new Worker('require("worker_threads").parentPort.postMessage(6 * 7)', { eval: true })
    assert.equal(await new Promise((resolve, reject) => worker.on('message', resolve).on('error', reject)), 42)
  },
  async 'child_process.fork' () {
    const child = fork(path.join(__dirname, 'child.js'))
    assert.equal(await new Promise((resolve, reject) => child.on('message', resolve).on('error', reject)), 'from a child')
  },
  'the user and the home directory' () {
    if (process.getuid() < 1e6) assert.equal(os.userInfo().uid, process.getuid()) // a made-up user has no account
    assert.ok(path.isAbsolute(os.homedir()))
  },
  'temporary files' () {
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'check-'))
    fs.writeFileSync(path.join(dir, 'x'), 'x')
  },
  async 'compression and cryptography' () {
    assert.equal(zlib.brotliDecompressSync(zlib.brotliCompressSync('x')).toString(), 'x')
    assert.equal(crypto.scryptSync('a', 'b', 16).length, 16)
    assert.equal((await crypto.subtle.digest('SHA-256', Buffer.from('x'))).byteLength, 32)
  },
  async 'modules of both kinds' () {
    const { default: name } = await import('./module.mjs')
    assert.equal(name, 'module.mjs')
  },
  'a report of itself' () {
    assert.ok(process.report.getReport().header.nodejsVersion)
  }
}

async function main () {
  let failed = 0
  for (const [name, check] of Object.entries(checks)) {
    try {
      await check()
    } catch (err) {
      failed++
      console.log(`${name}: ${err.stack}`)
    }
  }
  console.log(failed ? `${failed} checks fail` : `all ${Object.keys(checks).length} checks pass`)
}
main()

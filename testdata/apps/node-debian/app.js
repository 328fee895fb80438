const server = require('http').createServer((req, res) => res.end('from debian'))
server.listen(0, async () => {
  const answer = await fetch(`http://127.0.0.1:${server.address().port}/`)
  console.log(await answer.text(), new Intl.NumberFormat('de-DE').format(1234.5), (await import('./mod.mjs').catch(() => 'none')) && 'ok')
  server.close()
})

const http = require('http')
const ms = require('ms')

http.createServer((req, res) => res.end(`GREETING ${ms(90000)} ${process.env.NODE_ENV}\n`)).listen(3000)

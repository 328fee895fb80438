const fs = require('node:fs')
const path = require('node:path')
const express = require('express')

const app = express()
app.use(express.static(path.join(__dirname, 'public')))
app.get('/version', (req, res) => {
  fs.mkdirSync('./data', { recursive: true })
  fs.writeFileSync('./data/visits.txt', 'one\n')
  res.json({ version: process.env.npm_package_version, options: process.env.NODE_OPTIONS, visits: fs.readFileSync('./data/visits.txt', 'utf8') })
})
app.listen(3000, () => console.log('listening'))

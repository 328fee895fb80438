import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import bcrypt from 'bcrypt'
import sharp from 'sharp'

if (isMainThread) {
  const worker = new Worker(new URL(import.meta.url))
  worker.on('message', (m) => console.log(`worker: ${m}`))
} else {
  const hash = await bcrypt.hash('secret', 4)
  const png = await sharp({ create: { width: 8, height: 8, channels: 3, background: 'red' } }).png().toBuffer()
  const { format, width } = await sharp(png).metadata()
  parentPort.postMessage(`${await bcrypt.compare('secret', hash)} ${format} ${width}`)
}

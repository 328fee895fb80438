import path from 'node:path'
import { fileURLToPath } from 'node:url'

export default path.basename(fileURLToPath(import.meta.url))

import { execSync } from 'child_process'
import { z } from 'zod'

const port = z.coerce.number().default(8080).parse(process.env.PORT)
console.log(`port ${port}, ${execSync('uname -s').toString().trim()}`)

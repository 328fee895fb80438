import fastify from 'fastify'

const app = fastify({ logger: { level: process.env.LOG_LEVEL ?? 'info' } })
app.get('/', async (): Promise<{ hello: string }> => ({ hello: 'world', level: process.env.LOG_LEVEL } as { hello: string }))
app.listen({ port: Number(process.env.PORT), host: '0.0.0.0' }).catch((err) => {
  console.error(err)
  process.exit(1)
})

const { execFile, exec } = require('child_process')

// The shell knows what the entrypoint set.
exec('printenv MIGRATED', (err, out) => {
  execFile('tar', ['--version'], (err, version) => {
    console.log(out.trim(), version.split('\n')[0])
  })
})

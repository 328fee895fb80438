process.stdin.on('data', (d) => console.log(`${process.env.npm_package_version} ${d}`.trim()))

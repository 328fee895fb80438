process.send('from a child', () => process.disconnect())

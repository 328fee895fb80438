console.log('migrated')

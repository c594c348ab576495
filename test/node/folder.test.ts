import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { makeFolder } from '../../node/folder.ts'

const folders = suite('folder')
let base = ''

folders.before.each(() => {
  base = mkdtempSync(join(tmpdir(), 'starling-folder-'))
})
folders.after.each(() => rmSync(base, { recursive: true, force: true }))

async function complaintOf(folder: string): Promise<string> {
  return makeFolder(folder).then(
    () => 'none',
    (error: Error) => error.message,
  )
}

folders('is made with those above it, and made again without harm', async () => {
  const folder = join(base, 'a/b/c')
  await Promise.all([makeFolder(folder, 0o700), makeFolder(folder, 0o700)])
  await makeFolder(folder)
  assert.is(statSync(folder).mode & 0o777, 0o700)
})

folders('a file in its place, or above it, is said', async () => {
  writeFileSync(join(base, 'file'), '')
  assert.match(await complaintOf(join(base, 'file')), /file is a file$/)
  assert.match(await complaintOf(join(base, 'file/below')), /file is a file$/)
})

folders('where there can be none it fails, and does not try for ever', async () => {
  if (process.platform !== 'linux') return
  assert.match(await complaintOf('/proc/starling-has-no-folder-here/data'), /^ENOENT/)
})

folders.run()

/**
 * Makes a folder, and those above it that are missing. Not `mkdir` with `recursive`: where the system answers
 * that there is no such folder whatever is made above it, as below /proc, that one tries for ever.
 */
import { mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

/** `mode`: of those that are made. */
export async function makeFolder(folder: string, mode = 0o777): Promise<void> {
  if (await isFolder(folder)) return
  const above = dirname(folder)
  if (above !== folder) await makeFolder(above, mode)
  await mkdir(folder, { mode }).catch(async (error) => {
    // Another process may have made it meanwhile.
    if (await isFolder(folder)) return
    throw error.code === 'EEXIST' ? new Error(`${folder} is a file`, { cause: error }) : error
  })
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch {
    return false
  }
}

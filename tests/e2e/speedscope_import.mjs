// SPDX-License-Identifier: MIT
//
// speedscope_import.mjs NODE_MODULES FILE: lets Speedscope's own importer read a file, and
// prints what it found as JSON: {name, index, profiles: [{name, unit, total, frames}]},
// where frames has the total and the self weight of each frame, by name.
//
// The package is a page for a browser. Its script runs here until it wants to draw; the
// importer, which needs no page, is taken out of it before.
import fs from 'node:fs'
import path from 'node:path'
import vm from 'node:vm'

const [, , modules, file] = process.argv
const release = path.join(modules, 'speedscope', 'dist', 'release')
const script = fs.readdirSync(release).find(name => /^speedscope-.*\.js$/.test(name))
const source = fs.readFileSync(path.join(release, script), 'utf8')

// Where the page calls the importer, which is a promise of a module.
const call =
  /async function \w+\(\w+,\w+\)\{return\(await (\w+)\)\.importProfilesFromArrayBuffer\(\w+,\w+\)\}/
const place = source.match(call)
if (!place) throw new Error('this Speedscope calls its importer in another way')

// A browser in which nothing exists, but does not mind. Libraries that look for optional
// ones must not find them.
const nothing = new Proxy(function () {}, {
  get: (_, name) => {
    if (/^(dcodeIO|Long|process|Buffer)$/.test(String(name))) return undefined
    return name === Symbol.toPrimitive ? () => '' : nothing
  },
  apply: () => nothing,
  construct: () => nothing,
  set: () => true,
})
const quiet = { log() {}, warn() {}, time() {}, timeEnd() {}, assert: console.assert, error: console.error }
const page = vm.createContext({
  console: quiet,
  document: nothing,
  window: nothing,
  navigator: nothing,
  location: nothing,
  self: nothing,
  localStorage: nothing,
  HTMLElement: class {},
  TextDecoder,
  TextEncoder,
  Uint8Array,
  ArrayBuffer,
  URL,
  atob,
  performance,
  setTimeout,
  clearTimeout,
})
try {
  vm.runInContext(source.replace(place[0], `globalThis.importer=${place[1]};${place[0]}`), page)
} catch (error) {
  if (!page.importer) throw error // otherwise it is the drawing that failed
}

const bytes = fs.readFileSync(file)
const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)
const importer = await page.importer
const group = await importer.importProfilesFromArrayBuffer(path.basename(file), buffer)
if (!group) throw new Error(`${file}: Speedscope does not know this format`)

const profiles = group.profiles.map(profile => {
  const frames = {}
  profile.forEachFrame(frame => {
    const sum = (frames[frame.name] ??= { total: 0, self: 0 })
    sum.total += frame.getTotalWeight()
    sum.self += frame.getSelfWeight()
  })
  return {
    name: profile.getName(),
    unit: profile.getWeightUnit(),
    total: profile.getTotalWeight(),
    frames,
  }
})
console.log(JSON.stringify({ name: group.name, index: group.indexToView, profiles }))

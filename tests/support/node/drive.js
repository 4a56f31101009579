// Drives an engine with Sabaki's own client code and prints what came of it as JSON, for tests/test_sabaki.py.
// node drive.js COMMAND [ARGUMENT ...]

const {ControllerStateTracker} = require('@sabaki/gtp')

const send = (controller, name, ...args) => controller.sendCommand({name, args})
const play = (colour, vertex) => ({name: 'play', args: [colour, vertex]})

// An analysis, until so many lines have come and then `stop` is sent without waiting.
async function analyze(tracker, command, lines, stop) {
  const seen = []
  let after = null
  const analysis = tracker.queueCommand(command, ({line}) => {
    if (line.startsWith('info ')) seen.push(line)
    if (seen.length === lines && after == null) after = tracker.controller.sendCommand(stop)
  })
  const response = await analysis
  return {lines: seen.length, first: seen[0], error: response.error, after: (await after).content}
}

async function main() {
  const tracker = ControllerStateTracker.fromController(process.argv[2], process.argv.slice(3))
  const controller = tracker.controller
  const stopped = new Promise(resolve => controller.once('stopped', resolve))
  const result = {stderr: []}
  controller.on('stderr', ({content}) => result.stderr.push(content))
  controller.start()

  // The handshake: nothing waits for an answer.
  const names = ['name', 'version', 'protocol_version', 'list_commands']
  const [time, ...answers] = await Promise.all([
    send(controller, 'time_settings', '0', '30', '1'),
    ...names.map(name => send(controller, name))
  ])
  result.handshake = [time, ...answers].map(({error, content}) => ({error, content}))

  // A game with handicap is synchronised; then one that is two moves shorter, by undo; then another one, by replay.
  const handicap = {name: 'set_free_handicap', args: ['D4', 'Q16', 'Q4']}
  const moves = [play('W', 'D16'), play('B', 'C3'), play('W', 'R14'), play('B', 'pass'), play('W', 'O17')]
  const state = {komi: 6.5, boardsize: [19, 19], timeSettings: {mainTime: 300, byoyomiTime: 20, byoyomiStones: 5}}
  const sent = []
  controller.on('command-sent', ({command}) => sent.push(command.name))
  for (const history of [[handicap, ...moves], [handicap, ...moves.slice(0, 3)], [play('B', 'K10'), play('W', 'C3')]]) {
    sent.length = 0
    await tracker.sync({...state, history})
    result[`sync${history.length}`] = {sent: [...sent], board: (await send(controller, 'showboard')).content}
  }

  // Ids, errors, and several commands at once, answered in their order.
  const many = await Promise.all([
    controller.sendCommand({id: 17, name: 'play', args: ['B', 'Z99']}),
    controller.sendCommand({id: 18, name: 'play', args: ['B', 'Q10']}),
    controller.sendCommand({id: 19, name: 'play', args: ['W', 'Q10']}),
    controller.sendCommand({name: 'dance'}),
    ...[...Array(50)].map((_, n) => controller.sendCommand({id: 100 + n, name: 'known_command', args: ['undo']}))
  ])
  result.many = many.map(({id, error, content}) => [id, error, content])

  // Analysis, ended by the next command and by an empty answerless one.
  result.analyses = {}
  for (const name of ['analyze', 'kata-analyze', 'lz-analyze']) {
    result.analyses[name] = await analyze(tracker, {name, args: ['B', '2']}, 3, {name: 'protocol_version'})
  }

  // GoGui's views, as the same code reads them: many lines, the first one empty.
  const views = await send(controller, 'gogui-analyze_commands')
  const quiet = views.content.split('\n').filter(view => !view.includes('hayago-live_gfx')) // it draws on stderr
  result.views = await Promise.all(quiet.map(async view => {
    const [kind, , command] = view.trim().split('/')
    const [name, ...args] = command.replace('%s', '0').split(' ')
    const {error, content} = await controller.sendCommand({id: 7, name, args})
    return {kind, name, error, content}
  }))

  // A move with its analysis; the tracker reads it from the line `play VERTEX`.
  const before = tracker.state.history.length
  const move = await tracker.queueCommand({name: 'genmove_analyze', args: ['B', '10']})
  await new Promise(resolve => setTimeout(resolve, 0))
  result.genmove = {content: move.content.split('\n').pop(), tracked: tracker.state.history.slice(before)}
  await tracker.sync({...state, history: tracker.state.history.slice(0, before)})
  result.undone = (await send(controller, 'showboard')).content

  await controller.stop(10000)
  result.code = (await stopped).signal
  process.stdout.write(JSON.stringify(result))
}

main().catch(error => {
  process.stderr.write(`${error.stack}\n`)
  process.exit(1)
})

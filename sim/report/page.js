// What moves on a report: the values under the pointer on the charts, and the map over time.
const data = JSON.parse(document.getElementById('data').textContent)
const seconds = (us) => `${(us / 1e6).toFixed(1)} s`

const charts = [...document.querySelectorAll('svg.time')]

function pointAt(us) {
  for (const chart of charts) {
    const { left, width, end } = chart.dataset
    const at = Number(left) + (Number(width) * us) / Number(end)
    const cursor = chart.querySelector('.cursor')
    cursor.setAttribute('x1', at)
    cursor.setAttribute('x2', at)
    cursor.setAttribute('visibility', 'visible')
    const keys = document.querySelectorAll(`[data-of="${chart.id}"] b`)
    for (const key of keys) {
      const values = data.written[key.dataset.series]
      const bin = Math.min(values.length - 1, Math.floor(us / data.binUs))
      key.textContent = ` ${values[bin] ?? ''}`
    }
  }
}

function timeUnder(chart, event) {
  const box = chart.getBoundingClientRect()
  const x = ((event.clientX - box.left) * chart.viewBox.baseVal.width) / box.width
  const { left, width, end } = chart.dataset
  return Math.max(0, Math.min(1, (x - left) / width)) * Number(end)
}

for (const chart of charts) {
  chart.addEventListener('pointermove', (event) => pointAt(timeUnder(chart, event)))
  chart.addEventListener('click', (event) => map?.show(timeUnder(chart, event)))
}

const map = document.getElementById('map') && makeMap(document.getElementById('map'))

function makeMap(element) {
  const canvas = element.querySelector('canvas')
  const slider = element.querySelector('input')
  const button = element.querySelector('button')
  const output = element.querySelector('output')
  const hover = element.querySelector('.hover')
  const counts = element.querySelector('.legend')
  const { racks, marks, conditions } = data.map
  const total = racks.reduce((sum, rack) => sum + rack.hosts.length, 0)
  const absent = conditions.length - 1
  const cell = total <= 400 ? 18 : total <= 2500 ? 10 : total <= 15000 ? 7 : 4
  const state = new Uint8Array(1 + Math.max(0, ...racks.flatMap((rack) => rack.hosts)))
  let now = 0
  let places = []

  function stateAt(us) {
    state.fill(absent)
    for (const [at, host, condition] of marks) {
      if (at > us) break
      state[host] = condition
    }
  }

  // Racks are blocks of cells, side by side, under the name of their region.
  function layOut(width) {
    places = []
    const labels = []
    let x = 0
    let y = 0
    let rowHeight = 0
    let region
    for (const rack of racks) {
      const across = Math.max(1, Math.ceil(Math.sqrt(rack.hosts.length / 1.6)))
      const wide = Math.max(across * cell, 30)
      const high = Math.ceil(rack.hosts.length / across) * cell
      if (rack.region !== region) {
        region = rack.region
        if (places.length > 0) y += rowHeight + 16
        x = 0
        rowHeight = 0
        if (racks.some((other) => other.region !== region)) {
          labels.push({ text: region, x: 0, y: y + 12, isRegion: true })
          y += 22
        }
      }
      if (x > 0 && x + wide > width) {
        x = 0
        y += rowHeight + 8
        rowHeight = 0
      }
      labels.push({ text: rack.name.split('/').pop(), x, y: y + 9 })
      rack.hosts.forEach((host, i) => {
        const place = { host, rack: rack.name, x: x + (i % across) * cell }
        places.push({ ...place, y: y + 13 + Math.floor(i / across) * cell })
      })
      x += wide + 10
      rowHeight = Math.max(rowHeight, high + 13)
    }
    return { labels, height: y + rowHeight + 4 }
  }

  function draw() {
    const width = canvas.parentElement.clientWidth
    const { labels, height } = layOut(width)
    const ratio = window.devicePixelRatio || 1
    canvas.width = width * ratio
    canvas.height = height * ratio
    canvas.style.height = `${height}px`
    const style = getComputedStyle(document.documentElement)
    const colours = conditions.map((name) =>
      style.getPropertyValue(`--is-${name.replaceAll(' ', '-')}`),
    )
    const context = canvas.getContext('2d')
    context.scale(ratio, ratio)
    for (const { text, x, y, isRegion } of labels) {
      context.font = isRegion ? '600 13px system-ui, sans-serif' : '10px system-ui, sans-serif'
      context.fillStyle = style.getPropertyValue(isRegion ? '--ink' : '--faint')
      context.fillText(text, x, y)
    }
    const size = cell - (cell > 5 ? 2 : 1)
    for (const { host, x, y } of places) {
      context.fillStyle = colours[state[host]]
      context.fillRect(x, y, size, size)
    }
  }

  function count() {
    const tally = conditions.map(() => 0)
    for (const { hosts } of racks) for (const host of hosts) tally[state[host]]++
    counts.replaceChildren(
      ...conditions.flatMap((name, i) => {
        if (!data.seen.includes(i)) return []
        const key = document.createElement('span')
        const swatch = document.createElement('i')
        swatch.className = 'swatch'
        swatch.style.background = `var(--is-${name.replaceAll(' ', '-')})`
        const number = document.createElement('b')
        number.textContent = ` ${tally[i]}`
        key.append(swatch, name, number)
        return [key]
      }),
    )
  }

  function show(us) {
    now = us
    slider.value = String(Math.round((1000 * us) / data.endUs))
    output.textContent = seconds(us)
    stateAt(us)
    draw()
    count()
    pointAt(us)
  }

  let timer
  function stop() {
    clearInterval(timer)
    timer = undefined
    button.textContent = '▶'
  }
  button.addEventListener('click', () => {
    if (timer !== undefined) return stop()
    if (now >= data.endUs) show(0)
    button.textContent = '❚❚'
    timer = setInterval(() => {
      show(Math.min(data.endUs, now + data.endUs / 240))
      if (now >= data.endUs) stop()
    }, 50)
  })
  slider.addEventListener('input', () => {
    stop()
    show((data.endUs * Number(slider.value)) / 1000)
  })
  canvas.addEventListener('pointermove', (event) => {
    const x = event.offsetX
    const y = event.offsetY
    const under = places.find(
      (place) => x >= place.x && x < place.x + cell && y >= place.y && y < place.y + cell,
    )
    hover.textContent = under
      ? `n${under.host} in rack ${under.rack}: ${conditions[state[under.host]]}`
      : ''
  })
  window.addEventListener('resize', draw)
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw)
  show(data.worstUs)
  return { show }
}

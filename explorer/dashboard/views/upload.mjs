// Files on their way to the server: a button, a drop anywhere on the page, a picture taken or a sound recorded here;
// progress, cancel, resume. See upload.py.

const STYLE = `
  :host { display: block; width: 100%; }
  .upload { font: 13px/1.5 system-ui, sans-serif; color: var(--panel-on-background-color); }
  button { font: inherit; color: inherit; background: none; border: 0; padding: 4px 6px; margin: 0; cursor: pointer; border-radius: 4px; }
  button:hover, button:focus-visible { background: color-mix(in srgb, var(--panel-on-background-color) 8%, transparent); }
  button:focus-visible { outline: 2px solid var(--panel-primary-color); outline-offset: 1px; }
  .choose { color: var(--panel-primary-color); margin-left: -6px; }
  .bar { height: 3px; border-radius: 2px; background: var(--divider-color); overflow: hidden; margin: 4px 0; }
  .bar > div { height: 100%; width: 0; background: var(--panel-primary-color); }
  .line { display: flex; align-items: baseline; gap: 4px; }
  .line > span { flex: 1; min-width: 0; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; opacity: .75;
                 font-variant-numeric: tabular-nums; }
  .ways { display: flex; align-items: center; }
  .ways svg { width: 18px; height: 18px; display: block; fill: none; stroke: currentColor; stroke-width: 1.6; }
  .why { opacity: .65; display: block; }
  video { width: 100%; border-radius: 4px; background: #000; display: block; margin: 4px 0; }
  .go { color: var(--panel-primary-color); }
  [hidden] { display: none !important; }
`
const CAMERA = '<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M3 8h4l2-3h6l2 3h4v11H3z"/><circle cx="12" cy="13" r="3.6"/></svg>'
const MICROPHONE = '<svg viewBox="0 0 24 24" aria-hidden="true"><rect x="9" y="3" width="6" height="11" rx="3"/><path d="M5.5 11.5a6.5 6.5 0 0 0 13 0M12 18v3"/></svg>'
const OVER = `position: fixed; inset: 8px; z-index: 2000; border: 2px dashed var(--panel-primary-color, #2f6fde); border-radius: 8px;
  display: flex; align-items: center; justify-content: center; pointer-events: none; font: 600 20px system-ui, sans-serif;
  color: var(--panel-primary-color, #2f6fde); background: color-mix(in srgb, var(--panel-background-color, #888) 80%, transparent);`

const BLOCK = 512
const FIRST_SLICE = 2 ** 20
const WAITS_S = [1, 2, 4, 8, 15, 30, 30, 30, 30, 30]

// One header of a tar archive (POSIX ustar). Names of more than 255 bytes lose their start.
function header(name, size) {
  const encode = (text) => new TextEncoder().encode(text)
  const block = new Uint8Array(BLOCK)
  let bytes = encode(name)
  let prefix = new Uint8Array()
  if (bytes.length > 100) {
    const cut = [...bytes.keys()].find((i) => bytes[i] === 47 && bytes.length - i - 1 <= 100 && i <= 155)
    if (cut === undefined) bytes = bytes.slice(-100)
    else [prefix, bytes] = [bytes.slice(0, cut), bytes.slice(cut + 1)]
  }
  const octal = (number, digits) => number.toString(8).padStart(digits - 1, "0")
  const put = (text, at) => block.set(typeof text === "string" ? encode(text) : text, at)
  put(bytes, 0)
  put("0000644", 100)
  put("0000000", 108)
  put("0000000", 116)
  put(octal(size, 12), 124)
  put("00000000000", 136)
  put("        ", 148)
  put("0", 156)
  put("ustar\0" + "00", 257)
  put(prefix, 345)
  put(octal(block.reduce((sum, byte) => sum + byte, 0), 7) + "\0 ", 148)
  return block
}

// Several files as one archive. Blobs are put together by reference: nothing is read here.
function packed(files, name) {
  const parts = files.flatMap(({path, file}) =>
    [header(path, file.size), file, new Uint8Array((BLOCK - (file.size % BLOCK)) % BLOCK)])
  return {name: `${name}.tar`, blob: new Blob([...parts, new Uint8Array(2 * BLOCK)])}
}

async function below(entry, path = "") {
  if (entry.isFile) {
    const file = await new Promise((done, failed) => entry.file(done, failed))
    return [{path: path + file.name, file}]
  }
  const reader = entry.createReader()
  const found = []
  for (;;) {
    const some = await new Promise((done, failed) => reader.readEntries(done, failed))
    if (!some.length) return found
    for (const inner of some) if (!inner.name.startsWith(".")) found.push(...await below(inner, `${path}${entry.name}/`))
  }
}

// Samples in [-1, 1] as a WAV file of 16 bits, one channel.
function wave(samples, rate) {
  const view = new DataView(new ArrayBuffer(44 + 2 * samples.length))
  const put = (text, at) => [...text].forEach((letter, i) => view.setUint8(at + i, letter.charCodeAt(0)))
  put("RIFF", 0)
  view.setUint32(4, 36 + 2 * samples.length, true)
  put("WAVEfmt ", 8)
  view.setUint32(16, 16, true)
  view.setUint16(20, 1, true)
  view.setUint16(22, 1, true)
  view.setUint32(24, rate, true)
  view.setUint32(28, 2 * rate, true)
  view.setUint16(32, 2, true)
  view.setUint16(34, 16, true)
  put("data", 36)
  view.setUint32(40, 2 * samples.length, true)
  samples.forEach((sample, i) => view.setInt16(44 + 2 * i, Math.max(-1, Math.min(1, sample)) * 32767, true))
  return new Blob([view.buffer], {type: "audio/wav"})
}

// What a recorder gave, as a WAV file of its first channel, at the rate at which it was recorded.
async function decoded(blob, rate) {
  const context = new AudioContext({sampleRate: rate})
  try {
    const buffer = await context.decodeAudioData(await blob.arrayBuffer())
    return wave(buffer.getChannelData(0), buffer.sampleRate)
  } finally {
    context.close()
  }
}

const RAW = {audio: {echoCancellation: false, noiseSuppression: false, autoGainControl: false, channelCount: 1}}
const REFUSED = {NotAllowedError: "it was not allowed", NotFoundError: "there is none", NotReadableError: "another program has it"}
const now = () => new Date().toTimeString().slice(0, 8).replaceAll(":", ".")

const megabytes = (bytes) => `${(bytes / 2 ** 20).toFixed(bytes < 2 ** 20 ? 2 : 0)} MiB`
const pause = (seconds) => new Promise((done) => setTimeout(done, 1000 * seconds))

export function render({model, el}) {
  const style = document.createElement("style")
  style.textContent = STYLE
  const root = document.createElement("div")
  root.className = "upload"
  root.innerHTML = `
    <input type="file" multiple hidden>
    <div class="ways">
      <button class="choose" title="choose files, or drop files or a folder anywhere on the page">+ upload</button>
      <button class="camera" title="take a picture" aria-label="take a picture" hidden>${CAMERA}</button>
      <button class="microphone" title="record a sound" aria-label="record a sound" hidden>${MICROPHONE}</button>
    </div>
    <span class="why" hidden></span>
    <div class="live" hidden>
      <video muted playsinline></video>
      <div class="line"><span></span><button class="go"></button><button class="end">cancel</button></div>
    </div>
    <div class="going" hidden>
      <div class="bar" role="progressbar" aria-label="upload" aria-valuemin="0" aria-valuemax="100"><div></div></div>
      <div class="line"><span></span><button class="again" hidden>resume</button><button class="stop">cancel</button></div>
    </div>`
  el.append(style, root)
  const [input, choose, going, bar, text, again, stop] =
    ["input", ".choose", ".going", ".bar", ".going span", ".again", ".stop"].map((q) => root.querySelector(q))
  const [ways, camera, microphone, why, live, video, said, go, end] =
    [".ways", ".camera", ".microphone", ".why", ".live", "video", ".live span", ".go", ".end"].map((q) => root.querySelector(q))

  let job = null

  const show = (words, share) => {
    going.hidden = !job
    choose.hidden = ways.hidden = !!job
    text.textContent = text.title = words
    if (share === undefined) return
    bar.firstElementChild.style.width = `${100 * share}%`
    bar.setAttribute("aria-valuenow", Math.round(100 * share))
  }

  const begin = (files, name) => {
    files = files.filter(({file}) => file.size)
    if (job || !files.length) return
    const one = files.length === 1 && !files[0].path.includes("/")
    const {blob, name: called} = one ? {blob: files[0].file, name: files[0].path} : packed(files, name)
    job = {blob, name: called, id: null, done: false}
    again.hidden = true
    show(called, 0)
    model.send_msg({start: called, size: blob.size})
  }

  const address = (id) => `${window.location.pathname.replace(/\/$/, "")}/upload/${id}`

  // Slices one after the other, as large as goes in about half a second, so that the bar moves and little is sent twice;
  // where one fails, the server says from where to go on.
  const send = async (current) => {
    let received = 0
    let size = FIRST_SLICE
    let failures = 0
    const started = performance.now()
    const xsrf = {"X-Requested-With": "upload"}
    while (job === current && received < current.blob.size) {
      try {
        const began = performance.now()
        const slice = current.blob.slice(received, received + Math.min(size, model.slice_bytes))
        const answer = await fetch(`${address(current.id)}?offset=${received}`, {method: "PUT", body: slice, headers: xsrf})
        const told = await answer.json()
        if (answer.ok) {
          received = told.received
          failures = 0
          const took = performance.now() - began
          if (took < 300) size = Math.min(2 * size, model.slice_bytes)
          else if (took > 1000) size = Math.max(size / 2, FIRST_SLICE)
        } else if (answer.status === 422 && failures < 2) { // perhaps the answer to an earlier slice was lost
          failures += 1
          received = (await (await fetch(address(current.id))).json()).received ?? received
        } else {
          return fail(current, told.message ?? `the server answered ${answer.status}`)
        }
      } catch {
        if (job !== current) return
        if (failures >= WAITS_S.length) return fail(current, "the connection is lost", true)
        show(`${current.name}: connection lost, trying again`)
        await pause(WAITS_S[failures])
        failures += 1
        try {
          const state = await fetch(address(current.id))
          if (state.ok) received = (await state.json()).received
        } catch { /* still away */ }
        continue
      }
      const speed = received / (performance.now() - started) * 1000
      const left = Math.ceil((current.blob.size - received) / speed)
      show(`${current.name}: ${megabytes(received)} of ${megabytes(current.blob.size)}, ${left} s left`, received / current.blob.size)
    }
    if (job !== current) return
    show(`${current.name}: reading …`, 1)
    model.send_msg({sent: current.id})
  }

  const fail = (current, words, resumable = false) => {
    show(`${current.name}: ${words}`)
    again.hidden = !resumable
    if (!resumable) {
      job = null
      show("")
      model.send_msg({failed: words, id: current.id})
    }
  }

  again.onclick = () => { again.hidden = true; send(job) }
  stop.onclick = () => {
    const current = job
    job = null
    show("")
    model.send_msg({drop: current.id})
  }
  choose.onclick = () => input.click()
  input.onchange = () => {
    begin([...input.files].map((file) => ({path: file.name, file})), `${input.files.length} files`)
    input.value = ""
  }

  model.on("msg:custom", (event) => {
    const data = event.data ?? event
    if (data.go && job) {
      job.id = data.go
      send(job)
    } else if (data.over) {
      job = null
      show("")
    }
  })

  // A picture from the camera, a sound from the microphone, where the browser has them and lets a page ask.
  let stream = null
  const close = () => {
    stream?.getTracks().forEach((track) => track.stop())
    stream = video.srcObject = null
    live.hidden = true
    ways.hidden = !!job
  }
  const explain = (words) => {
    why.hidden = !words
    why.textContent = words
  }
  const open = async (wish, name) => {
    explain("")
    try {
      stream = await navigator.mediaDevices.getUserMedia(wish)
    } catch (error) {
      explain(`${name}: ${REFUSED[error.name] ?? error.message}`)
      return null
    }
    live.hidden = false
    ways.hidden = true
    end.onclick = close
    return stream
  }
  camera.onclick = async () => {
    const opened = await open({video: {width: {ideal: 1280}}}, "camera")
    if (!opened) return
    video.hidden = false
    video.srcObject = opened
    said.textContent = ""
    go.textContent = "take the picture"
    await video.play()
    go.onclick = () => {
      const canvas = document.createElement("canvas")
      canvas.width = video.videoWidth
      canvas.height = video.videoHeight
      canvas.getContext("2d").drawImage(video, 0, 0)
      close()
      canvas.toBlob((blob) => begin([{path: `picture ${now()}.png`, file: blob}]), "image/png")
    }
  }
  microphone.onclick = async () => {
    const opened = await open(RAW, "microphone")
    if (!opened) return
    video.hidden = true
    go.textContent = "stop"
    const rate = opened.getAudioTracks()[0].getSettings().sampleRate ?? 48000
    const exact = "audio/webm;codecs=pcm"
    const recorder = new MediaRecorder(opened, MediaRecorder.isTypeSupported(exact) ? {mimeType: exact} : {})
    const pieces = []
    const started = performance.now()
    const tell = () => {
      const seconds = (performance.now() - started) / 1000
      said.textContent = `recording, ${seconds.toFixed(1)} s`
      if (seconds >= model.longest_s) go.onclick()
    }
    const clock = setInterval(tell, 100)
    let kept = true
    recorder.ondataavailable = (event) => pieces.push(event.data)
    recorder.onstop = async () => {
      clearInterval(clock)
      close()
      if (!kept) return
      try {
        begin([{path: `sound ${now()}.wav`, file: await decoded(new Blob(pieces), rate)}])
      } catch (error) {
        explain(`microphone: what was recorded cannot be used (${error.message})`)
      }
    }
    go.onclick = () => { if (recorder.state !== "inactive") recorder.stop() }
    end.onclick = () => { kept = false; go.onclick() }
    recorder.start()
    tell()
  }
  const look = async () => {
    if (!navigator.mediaDevices?.getUserMedia) {
      explain("Camera and microphone need https, or localhost.")
      return
    }
    const kinds = (await navigator.mediaDevices.enumerateDevices()).map((device) => device.kind)
    camera.hidden = !kinds.includes("videoinput")
    microphone.hidden = !kinds.includes("audioinput") || !window.MediaRecorder
  }
  look()
  navigator.mediaDevices?.addEventListener?.("devicechange", look)

  // A drop anywhere on the page.
  const over = document.createElement("div")
  over.style.cssText = OVER
  over.textContent = "drop files or a folder to look at them"
  const holdsFiles = (event) => event.dataTransfer?.types.includes("Files")
  const enter = (event) => {
    if (!holdsFiles(event)) return
    event.preventDefault()
    if (!job) document.body.append(over)
  }
  const leave = (event) => { if (!event.relatedTarget) over.remove() }
  const drop = async (event) => {
    if (!holdsFiles(event)) return
    event.preventDefault()
    over.remove()
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean)
    const plain = [...event.dataTransfer.files]
    const files = entries.length ? (await Promise.all(entries.map((entry) => below(entry)))).flat() : plain.map((file) => ({path: file.name, file}))
    begin(files, entries.length === 1 ? entries[0].name : `${files.length} files`)
  }
  const listeners = {dragenter: enter, dragover: enter, dragleave: leave, drop}
  for (const [name, react] of Object.entries(listeners)) document.addEventListener(name, react)
  model.on("remove", () => {
    over.remove()
    close()
    navigator.mediaDevices?.removeEventListener?.("devicechange", look)
    for (const [name, react] of Object.entries(listeners)) document.removeEventListener(name, react)
  })
}

"""A third-party peer without a browser: joins a session by JSON-RPC, calls its pipeline with aiortc, sends a clip whose
frames and seconds can be recognised by H264 and Opus, and reads them out of what comes back.

    aiortc_peer.py ws://HOST:PORT/ws SESSION [--frames 150]

Prints a report as JSON. Exit code 0: everything was as it must be; 1: the report's "fault" says what was not.
Written from the protocol alone, so that it proves that a third party can.
"""

import argparse
import asyncio
import fractions
import itertools
import json
import statistics
import sys
import time

import numpy as np
import websockets
from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from aiortc.sdp import candidate_from_sdp
from av import AudioFrame, VideoFrame

WIDTH, HEIGHT, FRAME_RATE = 640, 360, 30
SAMPLE_RATE, PACKET = 48_000, 960

# How long the whole may take; a failure after it, nothing waits for it to pass.
DEADLINE_S = 120


class Fault(Exception):
    """Something was not as it must be."""


def barcode(number):
    """16 cells: 1, 0, twelve bits of the number, 0, 1."""
    return [1, 0] + [(number >> (11 - i)) & 1 for i in range(12)] + [0, 1]


def read_barcode(luma):
    """The number in the top ninth of a picture, or None; a grey cell makes it unreadable, never another number.

    A cell that has just changed is background to the pipeline for one frame, and blurred into its neighbours. So it is
    read where the blur takes least, in the middle of the cell and at the picture's edge: one that was lit is seen with
    half of its light and more, one that went out with a third and less.
    """
    height, width = luma.shape
    rows = luma[: height // 18]
    cells = [rows[:, (8 * i + 3) * width // 128 : (8 * i + 5) * width // 128].mean() for i in range(16)]
    dark, bright = min(cells), max(cells)
    if bright - dark < 60:
        return None
    levels = [(cell - dark) / (bright - dark) for cell in cells]
    if any(0.38 < level < 0.48 for level in levels):
        return None
    bits = [level > 0.43 for level in levels]
    if bits[:2] != [True, False] or bits[14:] != [False, True]:
        return None
    return sum(int(bit) << (11 - i) for i, bit in enumerate(bits[2:14]))


class Clip(MediaStreamTrack):
    """A striped wall with a striped square that wanders before it, and the frame's number above."""

    kind = "video"

    def __init__(self):
        super().__init__()
        self.sent = 0
        self._start = None
        columns = np.arange(WIDTH)
        self._wall = np.tile(np.where(columns // 8 % 2, 90, 140).astype(np.uint8), (HEIGHT, 1))

    def picture(self, number):
        luma = self._wall.copy()
        side = HEIGHT // 2
        left = int(WIDTH / 2 - side / 2 + WIDTH / 8 * np.sin(number / 25))
        luma[HEIGHT - side :, left : left + side] = np.where(np.arange(side) // 8 % 2, 60, 200)
        for i, bit in enumerate(barcode(number % 4096)):
            luma[: HEIGHT // 9, i * WIDTH // 16 : (i + 1) * WIDTH // 16] = 235 if bit else 16
        return luma

    async def recv(self):
        self._start = self._start or time.monotonic()
        await asyncio.sleep(max(0, self._start + self.sent / FRAME_RATE - time.monotonic()))
        luma = self.picture(self.sent)
        chroma = np.full((HEIGHT // 2, WIDTH), 128, np.uint8)
        frame = VideoFrame.from_ndarray(np.vstack([luma, chroma]), format="yuv420p")
        frame.pts, frame.time_base = self.sent * 90_000 // FRAME_RATE, fractions.Fraction(1, 90_000)
        self.sent += 1
        return frame


class Sound(MediaStreamTrack):
    """A quiet 440 Hz tone, and a loud 1 kHz beep of 100 ms at the start of every second."""

    kind = "audio"

    def __init__(self):
        super().__init__()
        self._packets = 0
        self._start = None

    async def recv(self):
        self._start = self._start or time.monotonic()
        await asyncio.sleep(max(0, self._start + self._packets * PACKET / SAMPLE_RATE - time.monotonic()))
        t = (np.arange(PACKET) + self._packets * PACKET) / SAMPLE_RATE
        beep, tone = 0.6 * np.sin(2 * np.pi * 1000 * t), 0.05 * np.sin(2 * np.pi * 440 * t)
        samples = (np.where(t % 1 < 0.1, beep, tone) * 32_767).astype(np.int16)
        frame = AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = SAMPLE_RATE
        frame.pts, frame.time_base = self._packets * PACKET, fractions.Fraction(1, SAMPLE_RATE)
        self._packets += 1
        return frame


class Signaling:
    """JSON-RPC 2.0 over a WebSocket."""

    def __init__(self, socket):
        self.events = asyncio.Queue()
        self._socket = socket
        self._ids = itertools.count(1)
        self._replies = {}
        self._reading = asyncio.create_task(self._read())

    async def call(self, method, **params):
        number = next(self._ids)
        reply = self._replies[number] = asyncio.get_running_loop().create_future()
        await self._socket.send(json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}))
        answer = await reply
        if "error" in answer:
            raise Fault(f"{method} was refused: {answer['error']}")
        return answer["result"]

    async def _read(self):
        try:
            async for text in self._socket:
                message = json.loads(text)
                if message.get("method") == "events":
                    await self.events.put(message["params"]["result"])
                elif message.get("id") in self._replies:
                    self._replies.pop(message["id"]).set_result(message)
        except websockets.ConnectionClosedError as error:
            await self.events.put({"type": "lost", "reason": str(error)})
        for reply in self._replies.values():
            reply.set_exception(Fault("the server closed the connection"))


class Returned:
    """What comes back."""

    def __init__(self):
        self.numbers = []
        self.unreadable = 0
        self.size = None
        self.beeps = []
        self.tone_blocks = 0
        self.blocks = 0
        self._held = np.zeros(0)

    async def watch(self, track):
        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            self.size = [frame.width, frame.height]
            number = read_barcode(frame.to_ndarray(format="gray"))
            if number is None:
                self.unreadable += 1
            else:
                self.numbers.append(number)

    async def listen(self, track):
        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            samples = frame.to_ndarray().reshape(-1, len(frame.layout.channels))[:, 0]
            self._held = np.concatenate([self._held, samples / 32_768])
            while len(self._held) >= 480:
                self._hear(self._held[:480])
                self._held = self._held[480:]

    def _hear(self, block):
        """One block of 10 ms: bins of the spectrum are 100 Hz apart."""
        power = np.abs(np.fft.rfft(block * np.hanning(480))) ** 2
        total = power.sum()
        loud = np.sqrt((block**2).mean()) > 0.1
        if loud and power[8:13].sum() > 0.7 * total:
            if not self.beeps or self.blocks - self.beeps[-1][1] > 3:
                self.beeps.append([self.blocks, self.blocks])
            self.beeps[-1][1] = self.blocks
        elif total > 0 and power[2:8].sum() > 0.6 * total:
            self.tone_blocks += 1
        self.blocks += 1

    def judge(self, sent):
        """What a correct pipeline cannot get wrong, whatever the machine's pace."""
        numbers = self.numbers
        if any(later <= earlier for earlier, later in itertools.pairwise(numbers)):
            raise Fault(f"frames came back out of order: {numbers}")
        if numbers[-1] >= sent:
            raise Fault(f"frame {numbers[-1]} came back, but only {sent} were sent")
        if self.unreadable > 0.05 * len(numbers):
            raise Fault(f"{self.unreadable} frames are unreadable beside {len(numbers)}")
        starts = [start / 100 for start, _ in self.beeps]
        gaps = [later - earlier for earlier, later in itertools.pairwise(starts)]
        # The median: a busy machine stretches one gap or other, as every jitter buffer does.
        if abs(statistics.median(gaps) - 1) > 0.1:
            raise Fault(f"seconds from beep to beep: {gaps}")
        if self.tone_blocks < 0.6 * self.blocks:
            raise Fault(f"the tone is in {self.tone_blocks} of {self.blocks} blocks of 10 ms")


async def call_pipeline(signaling, pipeline, tracks, channels, returned):
    """Offers to the pipeline's peer and follows the exchange.

    Returns the connection, its data channels, and the task that follows.
    """
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    opened = [connection.createDataChannel(f"extra-{i}") for i in range(channels)]
    watching = []

    @connection.on("track")
    def on_track(track):
        reader = returned.watch if track.kind == "video" else returned.listen
        watching.append(asyncio.create_task(reader(track)))

    for track in tracks:
        connection.addTrack(track)
    for transceiver in connection.getTransceivers():
        if transceiver.kind == "video":
            codecs = RTCRtpSender.getCapabilities("video").codecs
            transceiver.setCodecPreferences([codec for codec in codecs if codec.mimeType == "video/H264"])
    await connection.setLocalDescription(await connection.createOffer())

    handshake = {"to": pipeline, "handshake_id": f"aiortc-{time.monotonic_ns()}"}
    # aiortc does not trickle: its candidates are in the description.
    await signaling.call("peer.offer", sdp=connection.localDescription.sdp, **handshake)
    await signaling.call("peer.ice_candidate", candidate=None, **handshake)

    answered = asyncio.Event()

    async def follow():
        early = []
        while True:
            event = await signaling.events.get()
            kind = event["type"]
            if kind == "answer" and event["handshake_id"] == handshake["handshake_id"]:
                await connection.setRemoteDescription(RTCSessionDescription(event["sdp"], "answer"))
                for candidate in early:
                    await add(candidate)
                answered.set()
            elif kind == "ice_candidate" and answered.is_set():
                await add(event["candidate"])
            elif kind == "ice_candidate":
                early.append(event["candidate"])
            elif kind == "lost":
                raise Fault(f"the server was lost: {event['reason']}")
            elif kind in ("call_ended", "peer_left") and pipeline in (event.get("from"), event.get("peer_id")):
                raise Fault(f"the pipeline's peer said: {event}")

    async def add(candidate):
        if candidate is None:
            await connection.addIceCandidate(None)
            return
        parsed = candidate_from_sdp(candidate["candidate"].removeprefix("candidate:"))
        parsed.sdpMid, parsed.sdpMLineIndex = candidate["sdp_mid"], candidate["sdp_m_line_index"]
        await connection.addIceCandidate(parsed)

    return connection, opened, asyncio.create_task(follow())


async def run(arguments, report):
    url, session, frames = arguments.url, arguments.session, arguments.frames
    async with websockets.connect(url, max_size=2**20) as socket:
        signaling = Signaling(socket)
        await signaling.call("events.subscribe")
        announced = await signaling.call(
            "peer.announce",
            session=session,
            peer_id="aiortc",
            capabilities={"video": ["H264"], "audio": ["opus"], "pipeline": False},
        )
        pipelines = [peer["peer_id"] for peer in announced["peers"] if peer["capabilities"].get("pipeline")]
        if not pipelines:
            raise Fault(f"no pipeline in session {session}: {announced['peers']}")
        clip, returned = Clip(), Returned()
        tracks = [clip, Sound()]
        connection, channels, following = await call_pipeline(signaling, pipelines[0], tracks, arguments.channels, returned)

        def refused():
            return sum(channel.readyState == "closed" for channel in channels)

        try:
            while len(returned.numbers) < frames or len(returned.beeps) < 4 or refused() < arguments.refused:
                if following.done():
                    following.result()
                if connection.connectionState in ("failed", "closed"):
                    raise Fault(f"the connection is {connection.connectionState}")
                await asyncio.sleep(0.05)
            returned.judge(clip.sent)
            sections = connection.remoteDescription.sdp.split("m=")
            codecs = [line for section in sections for line in section.splitlines() if line.startswith("a=rtpmap")]
            if not any("H264" in codec for codec in codecs):
                raise Fault(f"no H264 in the answer: {codecs}")
        finally:
            report.update(
                sent=clip.sent,
                returned=len(returned.numbers),
                missing=(returned.numbers[-1] - returned.numbers[0] + 1 - len(returned.numbers)) if returned.numbers else None,
                unreadable=returned.unreadable,
                size=returned.size,
                beeps=len(returned.beeps),
                channels=[channel.readyState for channel in channels],
                sound_seconds=returned.blocks / 100,
                connection=connection.connectionState,
            )
            following.cancel()
            await connection.close()
        await signaling.call("peer.leave")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url")
    parser.add_argument("session")
    parser.add_argument("--frames", type=int, default=150, help="frames to get back before judging")
    parser.add_argument("--channels", type=int, default=0, help="data channels to open beside the media")
    parser.add_argument("--refused", type=int, default=0, help="how many of them the other end is to close")
    arguments = parser.parse_args()
    report = {}
    try:
        asyncio.run(asyncio.wait_for(run(arguments, report), DEADLINE_S))
    except (Fault, OSError, websockets.WebSocketException) as fault:
        report["fault"] = str(fault)
    except TimeoutError:
        report["fault"] = f"not done within {DEADLINE_S} s"
    print(json.dumps(report))
    sys.exit("fault" in report)


if __name__ == "__main__":
    main()

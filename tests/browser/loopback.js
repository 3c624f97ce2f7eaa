// Runs in a page of its own and plays the pipeline: joins, answers, and sends back what it gets after a blur.
// Written against the protocol, not with the page's own modules, so that it checks them.

/**
 * @param {{url: string, session: string, peerId: string, blur?: boolean, pipeline?: boolean, offers?: boolean, silent?: boolean, refuses?: string}} options
 *   `blur`: false sends the track back as it is. `pipeline`: what it says of itself.
 *   `offers`: also offer to those who are there or come, so that offers cross. `silent`: never answer. `refuses`: turn offers down with this reason.
 */
globalThis.startLoopback = async ({ url, session, peerId, blur = false, pipeline = true, offers = false, silent = false, refuses = null }) => {
  const socket = new WebSocket(url);
  await new Promise((resolve, reject) => Object.assign(socket, { onopen: resolve, onerror: reject }));
  const replies = new Map();
  const links = new Map();
  let nextId = 1;
  const request = (method, params = {}) =>
    new Promise((resolve, reject) => {
      const id = nextId++;
      replies.set(id, { resolve, reject });
      socket.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
    });

  // By making it small and large again: a blur proper, in full size, takes a processor core a second per picture.
  const blurred = (track) => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 320, height: 180 });
    const tiny = new OffscreenCanvas(64, 36);
    const context = canvas.getContext('2d');
    const below = [0, canvas.height / 9, canvas.width, (canvas.height * 8) / 9];
    const video = Object.assign(document.createElement('video'), { srcObject: new MediaStream([track]), muted: true });
    video.play();
    const draw = () => {
      tiny.getContext('2d').drawImage(video, 0, 0, tiny.width, tiny.height);
      context.drawImage(video, 0, 0, canvas.width, canvas.height);
      // The barcode at the top stays sharp.
      context.drawImage(tiny, 0, tiny.height / 9, tiny.width, (tiny.height * 8) / 9, ...below);
      video.requestVideoFrameCallback(draw);
    };
    video.requestVideoFrameCallback(draw);
    return canvas.captureStream().getVideoTracks()[0];
  };

  // Chromium sends a remote audio track on only where an element plays it and a graph carries it.
  const context = new AudioContext();
  const relayed = (track) => {
    const stream = new MediaStream([track]);
    globalThis.player = Object.assign(new Audio(), { srcObject: stream, muted: true });
    globalThis.player.play();
    const output = context.createMediaStreamDestination();
    context.createMediaStreamSource(stream).connect(output);
    return output.stream.getAudioTracks()[0];
  };

  const linkTo = (remote) => {
    if (links.has(remote)) return links.get(remote);
    const pc = new RTCPeerConnection({ iceServers: [] });
    const link = { pc, polite: peerId < remote, handshake: null, ignored: null, early: [] };
    links.set(remote, link);
    pc.ontrack = ({ track, transceiver }) => {
      transceiver.direction = 'sendrecv';
      if (track.kind === 'audio') transceiver.sender.replaceTrack(relayed(track));
      else transceiver.sender.replaceTrack(blur ? blurred(track) : track);
    };
    pc.onicecandidate = ({ candidate }) => {
      if (candidate?.candidate === '') return;
      request('peer.ice_candidate', {
        to: remote,
        handshake_id: link.handshake,
        candidate: candidate && {
          candidate: candidate.candidate,
          sdp_mid: candidate.sdpMid,
          sdp_m_line_index: candidate.sdpMLineIndex,
          username_fragment: candidate.usernameFragment,
        },
      }).catch(() => {});
    };
    pc.ondatachannel = ({ channel }) => (link.channel = channel);
    return link;
  };

  const offerTo = async (remote) => {
    const link = linkTo(remote);
    link.pc.addTransceiver('audio');
    link.pc.addTransceiver('video');
    link.handshake = `loopback-${nextId}`;
    await link.pc.setLocalDescription();
    await request('peer.offer', { to: remote, handshake_id: link.handshake, sdp: link.pc.localDescription.sdp });
  };

  const on = {
    async peer_joined({ peer }) {
      if (offers) await offerTo(peer.peer_id);
    },
    peer_left({ peer_id: remote }) {
      links.get(remote)?.pc.close();
      links.delete(remote);
    },
    async offer({ from, handshake_id: handshakeId, sdp }) {
      if (silent) return;
      if (refuses) return void request('call.end', { to: from, call_id: handshakeId, reason: refuses });
      const link = linkTo(from);
      if (link.pc.signalingState !== 'stable' && !link.polite) {
        link.ignored = handshakeId;
        return;
      }
      link.handshake = handshakeId;
      await link.pc.setRemoteDescription({ type: 'offer', sdp });
      for (const candidate of link.early.splice(0)) await link.pc.addIceCandidate(candidate);
      await link.pc.setLocalDescription();
      await request('peer.answer', { to: from, handshake_id: handshakeId, sdp: link.pc.localDescription.sdp });
    },
    async answer({ from, handshake_id: handshakeId, sdp }) {
      const { pc, handshake } = links.get(from);
      if (handshakeId === handshake && pc.signalingState === 'have-local-offer') await pc.setRemoteDescription({ type: 'answer', sdp });
    },
    async ice_candidate({ from, handshake_id: handshakeId, candidate }) {
      const link = linkTo(from);
      if (silent || link.ignored === handshakeId || candidate === null) return;
      const init = { candidate: candidate.candidate, sdpMid: candidate.sdp_mid, sdpMLineIndex: candidate.sdp_m_line_index };
      if (link.pc.remoteDescription) await link.pc.addIceCandidate(init);
      else link.early.push(init);
    },
  };

  let work = Promise.resolve();
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    if (message.method === 'events') {
      const event = message.params.result;
      work = work.then(() => on[event.type]?.(event));
      return;
    }
    const { resolve, reject } = replies.get(message.id);
    replies.delete(message.id);
    if (message.error) reject(new Error(message.error.message));
    else resolve(message.result);
  };

  await request('events.subscribe');
  const announced = request('peer.announce', {
    session,
    peer_id: peerId,
    role: 'peer',
    capabilities: { video: ['H264'], audio: ['opus'], pipeline },
  });
  // Before any event: the others' offers find ours already made.
  work = work.then(async () => {
    const { peers } = await announced;
    if (offers) for (const peer of peers) await offerTo(peer.peer_id);
  });
  await work;

  globalThis.loopback = {
    leave: () => request('peer.leave'),
    endCall: (to) => request('call.end', { to, call_id: 'any', reason: 'enough' }),
    directions: (remote) => links.get(remote)?.pc.getTransceivers().map(({ currentDirection }) => currentDirection) ?? [],
    endedBy: (remote) => links.get(remote).pc.sctp.transport.state === 'closed',
    hangUp() {
      links.forEach(({ pc }) => pc.close());
      links.clear();
    },
    sendData(header, payload) {
      const head = new TextEncoder().encode(JSON.stringify(header));
      const body = new TextEncoder().encode(payload);
      const message = new Uint8Array(4 + head.length + body.length);
      new DataView(message.buffer).setUint32(0, head.length);
      message.set(head, 4);
      message.set(body, 4 + head.length);
      links.forEach(({ channel }) => channel?.send(message));
    },
  };
};

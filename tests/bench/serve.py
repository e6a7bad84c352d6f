#!/usr/bin/env python3
"""serve.py WEIR FOLDER: a server on a free port: answers as `weir run`, limits, hostile and slow clients, a token,
another policy while requests come, and a clean end. Ends with 77 (skipped) without Fashion-MNIST or cpp-httplib."""
import concurrent.futures
import csv
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

WEIR, FOLDER = sys.argv[1:]
DATA = '/usr/share/datasets/fashion-mnist/t10k-images-idx3-ubyte.gz'
NETWORKS = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../bench/networks')
if not os.path.exists(DATA):
    sys.exit(77)
if 'built without' in subprocess.run([WEIR, 'serve', 'x'], capture_output=True, text=True).stderr:
    sys.exit(77)


class Server:
    def __init__(self, *options, **environment):
        self.process = subprocess.Popen([WEIR, 'serve', POLICY, '--port', '0', *options], stdout=subprocess.PIPE,
                                        stderr=open(os.path.join(FOLDER, 'log'), 'w'), text=True)
        line = self.process.stdout.readline()
        assert line.startswith('serving ' + POLICY), line
        self.port = int(line.rstrip('/\n').rsplit(':', 1)[1])

    def ask(self, method, path, body=None, headers={}):
        connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=30)
        connection.request(method, path, body, headers)
        reply = connection.getresponse()
        return reply.status, reply.read().decode()

    def post(self, body, **headers):
        status, text = self.ask('POST', '/', body, headers)
        return status, json.loads(text)

    def end(self, with_signal=signal.SIGTERM):
        self.process.send_signal(with_signal)
        assert self.process.wait(timeout=30) == 0
        self.process.stdout.close()


def learn(bundle, *options):
    subprocess.run([WEIR, 'adapt', '--quick', '--measure', '50', '--images', DATA + '[0:2000]', '--labels',
                    DATA.replace('images-idx3', 'labels-idx1'), '--network', NETWORKS + '/fashion_alexnet.onnx',
                    '--network', NETWORKS + '/fashion_googlenet.onnx', '--preprocess', NETWORKS + '/models.json',
                    '--exits', '1', '--out', os.path.join(FOLDER, 'results'), '--bundle', bundle, *options], check=True,
                   stdout=subprocess.DEVNULL)


shutil.rmtree(FOLDER, ignore_errors=True)
os.makedirs(FOLDER + '/images')
POLICY = os.path.join(FOLDER, 'bundle', 'policy.json')
learn(os.path.join(FOLDER, 'bundle'))
images = []
for i in range(20):
    pixels = bytes((x * (i + 3) * 7 + y * 11 + i * 13) % 256 for y in range(28) for x in range(28))
    images.append(b'P5 28 28 255\n' + pixels)
    with open(f'{FOLDER}/images/{i:02}.pgm', 'wb') as f:
        f.write(images[-1])
with open(FOLDER + '/classes', 'w') as f:
    f.write(''.join(f'thing {c}\n' for c in range(10)))
run = subprocess.run([WEIR, 'run', POLICY, FOLDER + '/images'], capture_output=True, text=True, check=True)
expected = [(int(r['label']), r['exit'], r['probability']) for r in csv.DictReader(run.stdout.splitlines())]

server = Server('--classes', FOLDER + '/classes', '--max-bytes', '5000', '--time-limit', '2', '--connections', '8')
status, page = server.ask('GET', '/')
assert status == 200 and '<title>weir' in page and 'http' not in page.replace('http://this-server/', ''), page
assert server.ask('GET', '/healthz') == (200, 'ok\n')

# Many at once: every answer is that of `weir run`.
with concurrent.futures.ThreadPoolExecutor(8) as pool:
    answers = list(pool.map(server.post, images * 10))
for i, (status, a) in enumerate(answers):
    assert status == 200, (status, a)
    label, stage, probability = expected[i % 20]
    assert (a['label'], a['exit'], f"{a['probability']:.6f}") == (label, stage, probability), (a, expected[i % 20])
    assert a['name'] == f"thing {label}" and a['ms'] > 0 and 0 <= a['saved'] < 1 and a['exit'] in a['stages']

# What is no image, too large, too slow, or not asked for.
assert server.post(b'')[0] == 400
status, reply = server.post(b'\x89PNG nonsense')
assert status == 400 and 'the image that was sent' in reply['error'], reply
assert server.post(b'P5 60000 60000 255\n' + bytes(100))[0] == 400
assert server.post(bytes(6000))[0] == 413
assert server.ask('GET', '/nothing')[0] == 404
assert server.post(images[0], **{'Content-Type': 'multipart/form-data; boundary=x'})[0] in (400, 415)
drip = socket.create_connection(('127.0.0.1', server.port))
drip.sendall(b'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 800\r\n\r\n')
started = time.monotonic()
reply = b''
drip.settimeout(0.01)
try:
    while time.monotonic() - started < 20 and not reply:  # one byte at a time, for ever
        drip.sendall(b'x')
        time.sleep(0.2)
        try:
            reply = drip.recv(1000)
        except TimeoutError:
            pass
except OSError:
    pass
assert time.monotonic() - started < 10, 'a client that drips is waited for'
assert reply.startswith(b'HTTP/1.1 408 ') and b'did not arrive in time' in reply, reply
# A client that sends the half of an image and then waits is told so, too.
with socket.create_connection(('127.0.0.1', server.port)) as half:
    half.settimeout(20)
    half.sendall(b'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 800\r\n\r\n' + bytes(400))
    reply = half.recv(1000)
assert reply.startswith(b'HTTP/1.1 408 '), reply
# Headers that drip on every connection there is (8): the others are served when the limit of 2 seconds has passed.
slow = [socket.create_connection(('127.0.0.1', server.port)) for _ in range(8)]
for s in slow:
    s.sendall(b'POST / HTTP/1.1\r\nX-Slow: ')
stop = threading.Event()


def drip_headers():
    while not stop.wait(0.2):
        for s in slow:
            try:
                s.sendall(b'x')
            except OSError:
                pass


dripping = threading.Thread(target=drip_headers, daemon=True)
dripping.start()
started = time.monotonic()
assert server.post(images[0])[0] == 200
assert time.monotonic() - started < 6, 'headers that drip keep the others out'
stop.set()
dripping.join()
for s in slow:
    s.close()
for junk in (b'\x00' * 1000, b'POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n', b'GET ' + b'a' * 100000, b'\r\n\r\n'):
    with socket.create_connection(('127.0.0.1', server.port)) as s:
        try:
            s.sendall(junk)
        except OSError:
            pass
idle = [socket.create_connection(('127.0.0.1', server.port)) for _ in range(4)]  # that say nothing
assert server.post(images[0])[0] == 200
for s in idle:
    s.close()

status, metrics = server.ask('GET', '/metrics')
assert status == 200 and 'weir_requests_total{status="200"} 20' in metrics, metrics
assert 'weir_requests_total{status="408"} 2' in metrics, metrics
assert 'weir_requests_total{status="400"} 3' in metrics and 'weir_requests_total{status="413"} 2' in metrics, metrics  # and the length of -5
assert sum(int(l.rsplit(' ', 1)[1]) for l in metrics.splitlines() if l.startswith('weir_answer_seconds_count')) >= 200


# Another policy, and a broken one, while requests come: none is lost.
def steady(stop):
    seen = []
    while not stop.is_set():
        seen.append(server.post(images[len(seen) % 20])[0])
    return seen


stop = threading.Event()
with concurrent.futures.ThreadPoolExecutor(3) as pool:
    streams = [pool.submit(steady, stop) for _ in range(3)]
    good = open(POLICY).read()

    def replace(text, file=POLICY):
        with open(file + '.new', 'w') as f:
            f.write(text)
        os.rename(file + '.new', file)

    def wait_for(line):
        for _ in range(100):
            if line in server.ask('GET', '/metrics')[1]:
                return
            time.sleep(0.1)
        stop.set()
        raise AssertionError(line + '\n' + server.ask('GET', '/metrics')[1] + open(FOLDER + '/log').read())

    replace('{"weir_policy": 2')
    wait_for('weir_failed_reloads_total 1')
    replace(good + '\n')
    wait_for('weir_reloads_total 1')
    replace(''.join(f'other {c}\n' for c in range(10)), FOLDER + '/classes')  # the names of the classes alone
    wait_for('weir_reloads_total 2')
    assert server.post(images[0])[1]['name'] == f'other {expected[0][0]}'
    server.process.send_signal(signal.SIGHUP)
    wait_for('weir_reloads_total 3')
    stop.set()
    statuses = [s for stream in streams for s in stream.result()]
assert len(statuses) > 20 and set(statuses) == {200}, statuses
server.end()

# A full house: a server that takes one image at a time says so, and answers those who ask again.
server = Server('--queue', '1', '--batch', '1')


def ask_again(image):
    statuses = [server.post(image)[0]]
    while statuses[-1] == 503 and len(statuses) < 1000:
        statuses.append(server.post(image)[0])
    return statuses


with concurrent.futures.ThreadPoolExecutor(8) as pool:
    statuses = list(pool.map(ask_again, images * 2))
assert all(s[-1] == 200 and set(s[:-1]) <= {503} for s in statuses) and max(map(len, statuses)) > 1, statuses
server.end(signal.SIGINT)

# An answer that takes longer than it may: the image waits for batch-mates for longer than that. The next is answered.
server = Server('--time-limit', '0.3', '--batch', '2', '--max-wait', '2000')
status, reply = server.post(images[0])
assert status == 503 and 'no answer within 0.3' in reply['error'], (status, reply)
with concurrent.futures.ThreadPoolExecutor(2) as pool:
    statuses = [s for s, _ in pool.map(server.post, images[:8])]
assert 200 in statuses and set(statuses) <= {200, 503}, statuses
assert 'weir_requests_total{status="503"}' in server.ask('GET', '/metrics')[1]
server.end()

# Others may only reach it with a token.
refused = subprocess.run([WEIR, 'serve', POLICY, '--host', '0.0.0.0', '--port', '0'], capture_output=True, text=True)
assert refused.returncode == 1 and '--token-file' in refused.stderr, refused.stderr
with open(FOLDER + '/token', 'w') as f:
    f.write('a secret that is long enough\n')
server = Server('--host', '0.0.0.0', '--token-file', FOLDER + '/token')
assert server.post(images[0])[0] == 401
assert server.post(images[0], Authorization='Bearer a secret that is long enougH')[0] == 401
assert server.post(images[0], Authorization='Bearer a secret that is long enough')[0] == 200
assert server.ask('GET', '/metrics')[0] == 401 and server.ask('GET', '/healthz')[0] == 200
taken = subprocess.run([WEIR, 'serve', POLICY, '--port', str(server.port)], capture_output=True, text=True, timeout=30)
assert taken.returncode == 1 and 'cannot be listened on' in taken.stderr, taken.stderr
server.end()
broken = subprocess.run([WEIR, 'serve', FOLDER + '/nosuch.json', '--port', '0'], capture_output=True, text=True)
assert broken.returncode == 1 and 'nosuch.json' in broken.stderr, broken.stderr

# The same under load: bench/serve/load.py, for 3 seconds.
if shutil.which('wrk'):
    load = subprocess.run([sys.executable, os.path.join(NETWORKS, '../serve/load.py'), WEIR, POLICY, FOLDER + '/images',
                           '--minutes', '0.05', '--connections', '4', '--', '--batch', '4'], capture_output=True, text=True,
                          timeout=120)
    assert load.returncode == 0, load.stdout + load.stderr
    for row in (r'time, connections \| 3 s, 4', r'requests \| [\d,]+', r'answers that are no 2xx \| 0',
                r'connect, read, write, timeout \| 0, 0, 0, 0', r'requests/s \| [\d,]+',
                r'latency p50, p99, ms \| [\d.]+, [\d.]+', r'MB \| [\d.]+, \(a shorter run\), [\d.]+',
                r"/metrics \| [\d,]+: all of wrk's, and [0-4] under way at the end"):
        assert re.search(row, load.stdout), (row, load.stdout)
    bad = subprocess.run([sys.executable, os.path.join(NETWORKS, '../serve/load.py'), WEIR, POLICY + '.none', FOLDER + '/images'],
                         capture_output=True, text=True, timeout=60)
    assert bad.returncode == 1 and 'did not start' in bad.stderr, bad.stderr
print('ok')

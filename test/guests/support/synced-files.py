# Writes one file after the other with fsync and says which one is on the disk; another process writes without. Files hold what their number says.
import hashlib, os
os.makedirs('/var/synced')
if os.fork() == 0:
    while True:
        with open('/var/tmp/load', 'wb') as load:
            for i in range(64):
                load.write(os.urandom(65536))
        os.unlink('/var/tmp/load')
folder = os.open('/var/synced', os.O_RDONLY)
n = 0
while True:
    data = b''.join(hashlib.sha256(b'%d %d' % (n, i)).digest() for i in range(n * 37 % 1500 + 1))
    file = os.open('/var/synced/%d' % n, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    os.write(file, data)
    os.fsync(file)
    os.close(file)
    os.fsync(folder)
    print('synced', n, flush=True)
    n += 1

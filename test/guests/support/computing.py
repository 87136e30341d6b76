# Integers, strings and floating point. The sums are the same wherever Python runs: what an x87 unit may round otherwise is printed to 12 digits.
import binascii, hashlib, math, zlib
n = 3 ** 4000 % (10 ** 600 + 7)
print('powers', pow(n, 65537, 2 ** 521 - 1) % 10 ** 18, math.isqrt(n) % 10 ** 18, math.gcd(n, 6 ** 500))
sieve = bytearray([1]) * 100000
for i in range(2, 317):
    if sieve[i]:
        sieve[i * i::i] = bytes(len(range(i * i, 100000, i)))
print('primes', sum(sieve) - 2)
data = b''.join(i.to_bytes(4, 'little') for i in range(65536))
print('digests', hashlib.sha256(data).hexdigest(), zlib.crc32(data), binascii.crc_hqx(data, 0))
packed = zlib.compress(data, 6)
print('deflate', zlib.decompress(packed) == data)
words = sorted(str(i * 7919 % 10007) for i in range(20000))
print('sorted', hashlib.md5(' '.join(words).encode()).hexdigest(), len(set(words)))
m = [[(i * j) % 17 - 8.0 for j in range(24)] for i in range(24)]
p = [[sum(a * b for a, b in zip(row, column)) for column in zip(*m)] for row in m]
print('matrix', sum(map(sum, p)), math.fsum(x * 0.125 for row in p for x in row), max(map(max, p)).hex())
print('functions', ' '.join('%.12g' % f(1.25 + k / 7) for k in range(3) for f in (math.sin, math.exp, math.log, math.atan, math.sqrt, math.tanh, math.gamma)))
print('rounding', ' '.join('%.12g' % x for x in (1e308 * 10, 5e-324, 2 ** 0.5 * 2 ** 0.5, 0.1 + 0.2, round(2.675, 2), float('1e-320'))), repr(1 / 3), float.fromhex('0x1.8p-1074'))
x = y = 0.0
inside = 0
for k in range(400):
    c = complex(-2 + (k % 20) * 0.125, -1 + (k // 20) * 0.125)
    z = 0j
    for turn in range(50):
        z = z * z + c
        if abs(z) > 2:
            break
    else:
        inside += 1
print('escape', inside)

/** A process that opens an image to write, says 'open' or why not, and closes it when it is told anything. For imageLock.test.ts. */
import { nodeFiles } from '../../src/host/node/fileAccess';

try {
  const file = nodeFiles.open(process.argv[2], true);
  process.stdout.write('open');
  process.stdin.on('data', () => {
    file.close();
    process.stdout.write('closed');
  });
} catch (error) {
  process.stdout.write(String(error));
}

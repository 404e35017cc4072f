import { accountsServer } from './accounts-server.ts';

const port = Number(process.env.PORT);
accountsServer(`http://127.0.0.1:${port}`).listen(port, '127.0.0.1');

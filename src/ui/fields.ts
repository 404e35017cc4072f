import { readFields } from '../protocol/params';
import { PageProblem } from './layout';

/** The form that a page of this gateway sent. @throws PageProblem 413 when it is longer than `limit` bytes */
export async function formOf(request: Request, limit: number): Promise<URLSearchParams> {
  const form = await readFields(request, limit);
  if (form) return form;
  throw new PageProblem({
    status: 413,
    title: 'That is too much',
    text: 'Nothing was changed. Go back and send less.',
  });
}

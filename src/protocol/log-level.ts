import * as z from 'zod/mini';
import { isObject, type JsonObject, metaOf } from './mcp';

/** How severe a log line is, the least first (RFC 5424 §6.2.1, as MCP, Logging names them). */
const LEVELS = ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency'] as const;
export const LogLevel = z.enum(LEVELS);
export type LogLevel = z.infer<typeof LogLevel>;

/** Where a request of 2026-07-28 says from which level on its client wants log lines. */
export const LEVEL_META = 'io.modelcontextprotocol/logLevel';

/** What a server says with a log line. */
export const LOG_LINE = 'notifications/message';

/** The level a request asks for; null: no log lines are wanted. */
export function levelIn(params: JsonObject): LogLevel | null {
  const level = LogLevel.safeParse(metaOf(params)[LEVEL_META]);
  return level.success ? level.data : null;
}

/** True for a log line that is as severe as was asked for. A level that MCP does not have is none. */
export function isAsSevere({ params }: JsonObject, asked: LogLevel): boolean {
  const level = LogLevel.safeParse(isObject(params) ? params.level : undefined);
  return level.success && LEVELS.indexOf(level.data) >= LEVELS.indexOf(asked);
}

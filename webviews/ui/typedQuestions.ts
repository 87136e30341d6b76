/**
 * Questions with the types of the panel protocol. Adapter and panel are of one build, so an answer is taken for what the protocol
 * says of it: here is the one place that does so.
 */
import type { PanelCommand, PanelRequests } from '../../debugger/panelProtocol';
import { answerTo, type Answer, type Inquiries, type Question } from './inquiries';

/** A question that knows the type of its answer. */
export interface TypedQuestion<Command extends PanelCommand> extends Question {
  readonly request: Command;
}

/** A custom request with the arguments that it takes. */
export function ask<Command extends PanelCommand>(request: Command, args: PanelRequests[Command]['arguments']): TypedQuestion<Command> {
  return { request, arguments: { ...args } };
}

type Body<Command extends PanelCommand> = PanelRequests[Command]['answer'] | undefined;

/** The answer's body as it is now; undefined while there is none. */
export function bodyOf<Command extends PanelCommand>(inquiries: Inquiries, question: TypedQuestion<Command>): Body<Command> {
  return answerTo(inquiries, question)?.body as Body<Command>;
}

/** What to compare with to tell what has changed since the last stop: while the guest runs its last stop, else the stop before. */
export function baseOf<Command extends PanelCommand>(inquiries: Inquiries, question: TypedQuestion<Command>): Body<Command> {
  const answer: Answer | undefined = answerTo(inquiries, question);
  return (inquiries.running ? answer?.kept : answer?.before) as Body<Command>;
}

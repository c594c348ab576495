/**
 * One route: what it is called, what it takes and answers, and what does it. The server registers this list
 * and the OpenAPI document is drawn from the same one, so neither can forget a route of the other.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Schema } from '../../protocol/base/schema.ts'
import type { ParametersOf, Values } from './parameter.ts'

/** A schema with the name that it has among the document's components. */
export interface Shape {
  readonly name: string
  readonly schema: Schema<unknown>
}

/** What one status carries: JSON of a shape, or text of a media type. */
export type Answer = { readonly shape: Shape } | { readonly mediaType: string }

export interface Call<P extends ParametersOf> {
  readonly params: { readonly [name: string]: string }
  readonly query: Values<P>
  /** What the JSON or YAML body says; undefined where it is empty. */
  readonly body: unknown
  readonly request: FastifyRequest
  readonly reply: FastifyReply
}

export interface RouteOf<P extends ParametersOf> {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** `/v1/jobs/:id` */
  readonly path: string
  readonly summary: string
  readonly query?: P
  readonly body?: Shape
  /** Without a body the request means its defaults. */
  readonly bodyIsOptional?: true
  /** Headers that change what is done, with what they say. */
  readonly headers?: { readonly [name: string]: string }
  readonly answers: { readonly [status: number]: Answer }
  /** Answered also where a token is asked for and none was given. */
  readonly open?: boolean
  /** Never ends by itself, so a HEAD request would not either. */
  readonly endless?: boolean
  /** What it returns is the body; it may have set another status than 200. */
  handle(call: Call<P>): unknown
}

export type Route = RouteOf<ParametersOf>

/** Ties the handler's types to the route's own parameters. */
export function route<const P extends ParametersOf = Record<never, never>>(of: RouteOf<P>): Route {
  return of as unknown as Route
}

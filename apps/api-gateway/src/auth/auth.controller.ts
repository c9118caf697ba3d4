import { Body, Controller, Get, HttpCode, Inject, Post, Query, Req, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { LoginBody, LoginOnceQuery } from '../dto/request.ts';
import { MeResponse, TokenResponse } from '../dto/response.ts';
import { ApiError, forbidden } from '../error/api-error.ts';
import { body, query } from '../error/request.pipe.ts';
import { Operation } from '../operation.ts';
import { COOKIE_IS_SECURE } from '../token.ts';
import { Caller, isForeign, principalOf, Public, tokenCookie } from './auth.guard.ts';
import { SignIn } from './sign-in.ts';
import { DAY_SECONDS, TokenDesk, type Principal } from './token-desk.ts';

const CLI_SECONDS = 3_600;

/** Signing in and out, at the paths of Airflow's simple auth manager. */
@ApiTags('Login')
@Controller()
export class AuthController {
  readonly #signIn: SignIn;
  readonly #tokens: TokenDesk;
  readonly #isSecure: boolean;
  constructor(@Inject(SignIn) signIn: SignIn, @Inject(TokenDesk) tokens: TokenDesk, @Inject(COOKIE_IS_SECURE) isSecure: boolean) {
    this.#signIn = signIn;
    this.#tokens = tokens;
    this.#isSecure = isSecure;
  }

  /** JSON or a form. The cookie is what the page uses from here on. */
  @Public()
  @Post('auth/token')
  @HttpCode(201)
  @Operation({ id: 'create_token', summary: 'A token for a password; also sets the cookie', answers: TokenResponse, status: 201, body: LoginBody })
  async token(
    @Body(body(LoginBody)) { username, password }: LoginBody,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<TokenResponse> {
    // Else a foreign form could sign a visitor in under a name of its choice.
    if (isForeign(request)) throw forbidden('Sign in from a page of this site');
    const token = await this.#signIn.withPassword(username, password);
    void reply.header('set-cookie', tokenCookie(token, DAY_SECONDS, this.#isSecure));
    return { access_token: token };
  }

  @Public()
  @Get('auth/token')
  @Operation({ id: 'create_token_all_admins', summary: 'A token without a password; never given here', answers: TokenResponse, status: 201 })
  refuse(): never {
    throw forbidden('This is only allowed if everybody is an administrator, which Dagbook does not offer: POST a username and a password');
  }

  @Public()
  @Post('auth/token/cli')
  @HttpCode(201)
  @Operation({ id: 'create_token_cli', summary: 'A token for an hour, for command lines', answers: TokenResponse, status: 201, body: LoginBody })
  async cliToken(@Body(body(LoginBody)) { username, password }: LoginBody, @Req() request: FastifyRequest): Promise<TokenResponse> {
    if (request.headers['content-type']?.startsWith('application/json') !== true) throw new ApiError(415, 'The content type must be application/json');
    return { access_token: await this.#signIn.withPassword(username, password, CLI_SECONDS) };
  }

  /** The link that `npm start` prints: good once. */
  @Public()
  @Get('auth/login/once')
  @Operation({ id: 'login_once', summary: 'Sign in by a link that is good once', answers: null, status: 303, query: LoginOnceQuery })
  async once(@Query(query(LoginOnceQuery)) { code }: LoginOnceQuery, @Res() reply: FastifyReply): Promise<void> {
    const token = await this.#signIn.withCode(code);
    await reply.status(303).header('set-cookie', tokenCookie(token, DAY_SECONDS, this.#isSecure)).header('location', '/').send();
  }

  /** The token is good nowhere any more; without one there is nothing to do. */
  @Public()
  @Post('auth/logout')
  @HttpCode(204)
  @Operation({ id: 'end_session', summary: 'End the session', answers: null, status: 204 })
  async logout(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const principal = await principalOf(request, this.#tokens);
    if (principal !== null) await this.#tokens.revoke(principal);
    await reply.status(204).header('set-cookie', tokenCookie('', 0, this.#isSecure)).send();
  }

  @ApiBearerAuth()
  @Get('ui/me')
  @Operation({ id: 'ui_me', summary: 'Who is signed in', answers: MeResponse })
  me(@Caller() { username, role }: Principal): MeResponse {
    return { username, role };
  }
}

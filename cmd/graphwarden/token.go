package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"strings"
	"time"

	"github.com/graphwarden/graphwarden/internal/graph"
)

const tokenUsage = `Usage: graphwarden token mint [FLAGS]

Makes tokens for offline use: unsigned, so that Graph itself refuses them, but with the claims that
policies read. With one, a test against a cassette or the stand-in needs no secret.
`

const tokenMintUsage = `Usage: graphwarden token mint [FLAGS]

Prints an unsigned token with the claims policies read. It is a user's token with the scope
DeviceManagementConfiguration.ReadWrite.All unless flags say otherwise. Graph itself refuses it.

Examples:
  curl -H "$(graphwarden token mint --output header)" ...
  GRAPH_TOKEN=$(graphwarden token mint --app-only --role DeviceManagementApps.ReadWrite.All)
  graphwarden token mint --scope User.Read --scope Group.Read.All --expires 15m
  graphwarden token mint --expires -1h --output json     # one that has expired
`

const intuneWrite = "DeviceManagementConfiguration.ReadWrite.All"

// The parties of a minted token, where flags name no others: well formed, and nobody's.
const (
	mintTenant = "10000000-0000-4000-8000-000000000001"
	mintApp    = "20000000-0000-4000-8000-000000000002"
	mintObject = "30000000-0000-4000-8000-000000000003"
)

type tokenFlags struct {
	scopes, roles                 words
	appOnly                       bool
	tenant, app, object, audience string
	expires                       time.Duration
	output                        string
}

func (f *tokenFlags) register(fs *flag.FlagSet) {
	fs.Var(&f.scopes, "scope", "a delegated permission, `NAME` (repeatable; default: "+intuneWrite+")")
	fs.Var(&f.roles, "role", "an application permission, `NAME` (repeatable; default with --app-only: "+intuneWrite+")")
	fs.BoolVar(&f.appOnly, "app-only", false, "an application's token, with roles and no user")
	fs.StringVar(&f.tenant, "tenant", mintTenant, "the tenant's `ID`")
	fs.StringVar(&f.app, "app", mintApp, "the application's `ID`")
	fs.StringVar(&f.object, "object", mintObject, "the `ID` of the user or service principal")
	fs.StringVar(&f.audience, "audience", "https://graph.microsoft.com", "the `URL` the token is for")
	fs.DurationVar(&f.expires, "expires", time.Hour, "the `TIME` from now to expiry, negative for an expired token")
	choiceFlag(fs, &f.output, "output", "token", "what to print", "header", "token", "json")
}

func tokenCommand() command {
	return command{name: "token", summary: "make a token for offline use", usage: tokenUsage, subcommands: []command{
		{name: "mint", summary: "print an unsigned token", usage: tokenMintUsage,
			local: new(tokenFlags).register, run: runTokenMint},
	}}
}

func runTokenMint(_ context.Context, env *Env, args []string) error {
	var f tokenFlags
	if _, err := env.parseOnly("token mint", args, f.register); err != nil {
		return err
	}
	claims, err := f.claims(time.Now())
	if err != nil {
		return &exitError{code: codeUsage, err: err, hint: "graphwarden token mint --help"}
	}
	token := graph.MintToken(claims, graph.TokenMinted)
	switch f.output {
	case "header":
		_, err = fmt.Fprintf(env.Stdout, "Authorization: Bearer %s\n", token)
	case "json":
		enc := json.NewEncoder(env.Stdout)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		err = enc.Encode(map[string]any{"token": token, "claims": claims})
	default:
		_, err = fmt.Fprintln(env.Stdout, token)
	}
	return err
}

// claims are those of a version 1 access token, the kind Graph gives to nearly every client.
func (f *tokenFlags) claims(now time.Time) (map[string]any, error) {
	if f.appOnly && len(f.scopes) > 0 {
		return nil, errors.New("--scope is for a user's token and --app-only for an application's: choose --role instead")
	}
	for _, p := range append(f.scopes[:len(f.scopes):len(f.scopes)], f.roles...) {
		if p == "" || strings.ContainsAny(p, " \t\n,") {
			return nil, fmt.Errorf("%q is not the name of one permission: repeat the flag for each", p)
		}
	}
	scopes, roles, kind := f.scopes, f.roles, "user"
	switch {
	case f.appOnly:
		kind = "app"
		if len(roles) == 0 {
			roles = words{intuneWrite}
		}
	case len(scopes) == 0:
		scopes = words{intuneWrite}
	}
	claims := map[string]any{
		"ver": "1.0", "iss": "https://sts.windows.net/" + f.tenant + "/", "aud": f.audience,
		"tid": f.tenant, "appid": f.app, "oid": f.object, "sub": f.object, "idtyp": kind,
		"iat": now.Unix(), "nbf": min(now.Unix(), now.Add(f.expires).Unix()), "exp": now.Add(f.expires).Unix(),
	}
	if len(scopes) > 0 {
		claims["scp"] = strings.Join(scopes, " ")
	}
	if len(roles) > 0 {
		list := make([]any, len(roles))
		for i, r := range roles {
			list[i] = r
		}
		claims["roles"] = list
	}
	return claims, nil
}

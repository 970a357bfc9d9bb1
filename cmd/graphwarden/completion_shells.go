package main

import (
	"fmt"
	"io"
	"strings"
)

// The scripts share one plan: find the command among the words before the cursor, then offer the choices of the flag
// just before it, else the words and flags of the command, else files.

const bashHead = `# graphwarden completion for bash: source <(graphwarden completion bash)
_graphwarden() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} cmd= list= i
  # bash splits --flag=value into three words.
  if [[ $cur == = ]]; then cur=; elif [[ $prev == = ]]; then prev=${COMP_WORDS[COMP_CWORD-2]}; fi
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    [[ ${COMP_WORDS[i]} == -- ]] && return
    case "$cmd/${COMP_WORDS[i]}" in
      %s) cmd=${cmd:+$cmd }${COMP_WORDS[i]} ;;
    esac
  done
  case "$cmd/$prev" in
`

const bashTail = `  esac
  COMPREPLY=($(compgen -W "$list" -- "$cur"))
}
complete -o bashdefault -o default -F _graphwarden graphwarden
`

func bashCompletion(w io.Writer, all []completed) error {
	var b strings.Builder
	fmt.Fprintf(&b, bashHead, strings.Join(steps(all), "|"))
	for _, c := range all {
		for _, f := range c.flags {
			switch {
			case len(f.choices) > 0:
				fmt.Fprintf(&b, "    %q) COMPREPLY=($(compgen -W %q -- \"$cur\")); return ;;\n", c.name+"/--"+f.name, strings.Join(f.choices, " "))
			case !f.isBool:
				fmt.Fprintf(&b, "    %q) return ;;\n", c.name+"/--"+f.name)
			}
		}
	}
	b.WriteString("  esac\n  case \"$cmd\" in\n")
	for _, c := range all {
		fmt.Fprintf(&b, "    %q) if [[ $cur == -* ]]; then list=%q; else list=%q; fi ;;\n", c.name, flagWords(c), plainWords(c))
	}
	b.WriteString(bashTail)
	_, err := io.WriteString(w, b.String())
	return err
}

const zshHead = `#compdef graphwarden
# graphwarden completion for zsh: source <(graphwarden completion zsh)
_graphwarden() {
  local cmd= i
  local -a list
  for ((i = 2; i < CURRENT; i++)); do
    [[ ${words[i]} == -- ]] && { _files; return }
    case "$cmd/${words[i]}" in
      %s) cmd=${cmd:+$cmd }${words[i]} ;;
    esac
  done
  case "$cmd/${words[CURRENT-1]}" in
`

const zshTail = `  esac
  (( $#list )) && _describe graphwarden list && return
  _files
}
# Run by the completion system when the file lies in fpath, registered here when it is sourced.
if [[ ${funcstack[1]} == _graphwarden ]]; then _graphwarden "$@"; else compdef _graphwarden graphwarden; fi
`

func zshCompletion(w io.Writer, all []completed) error {
	var b strings.Builder
	fmt.Fprintf(&b, zshHead, strings.Join(steps(all), "|"))
	for _, c := range all {
		for _, f := range c.flags {
			switch {
			case len(f.choices) > 0:
				fmt.Fprintf(&b, "    %q) compadd -- %s; return ;;\n", c.name+"/--"+f.name, strings.Join(f.choices, " "))
			case !f.isBool:
				fmt.Fprintf(&b, "    %q) _files; return ;;\n", c.name+"/--"+f.name)
			}
		}
	}
	b.WriteString("  esac\n  case \"$cmd\" in\n")
	for _, c := range all {
		fmt.Fprintf(&b, "    %q)\n      if [[ ${words[CURRENT]} == -* ]]; then\n        list=(", c.name)
		for _, f := range c.flags {
			fmt.Fprintf(&b, " %s", posixQuote("--"+f.name+":"+f.help))
		}
		b.WriteString(" )\n      else\n        list=(")
		for _, d := range c.words {
			fmt.Fprintf(&b, " %s", posixQuote(d.word+":"+d.text))
		}
		b.WriteString(" )\n      fi ;;\n")
	}
	b.WriteString(zshTail)
	_, err := io.WriteString(w, b.String())
	return err
}

func fishCompletion(w io.Writer, all []completed) error {
	var b strings.Builder
	b.WriteString("# graphwarden completion for fish: graphwarden completion fish | source\n")
	for _, c := range all {
		when := fishCondition(c)
		for _, d := range c.words {
			fmt.Fprintf(&b, "complete -c graphwarden -n %s -f -a %s -d %s\n", fishQuote(when), d.word, fishQuote(d.text))
		}
		for _, f := range c.flags {
			take := " -x"
			switch {
			case f.isBool:
				take = ""
			case f.path:
				take = " -r -F"
			case len(f.choices) > 0:
				take = " -x -a " + fishQuote(strings.Join(f.choices, " "))
			}
			fmt.Fprintf(&b, "complete -c graphwarden -n %s -l %s%s -d %s\n", fishQuote(when), f.name, take, fishQuote(f.help))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// fishCondition holds where the words of the command are the first ones of the line, and none of its own subcommands
// has followed.
func fishCondition(c completed) string {
	if c.name == "" {
		return "__fish_use_subcommand"
	}
	conditions := []string{}
	for word := range strings.FieldsSeq(c.name) {
		conditions = append(conditions, "__fish_seen_subcommand_from "+word)
	}
	if len(c.flags) == 0 && len(c.words) > 0 {
		conditions = append(conditions, "not __fish_seen_subcommand_from "+plainWords(c))
	}
	return strings.Join(conditions, "; and ")
}

const pwshTail = `    $command = ''
    $previous = ''
    foreach ($element in ($commandAst.CommandElements | Select-Object -Skip 1)) {
        if ($element.Extent.EndOffset -ge $cursorPosition) { break }
        $previous = $element.ToString()
        $next = "$command $previous".Trim()
        if ($words.ContainsKey($next)) { $command = $next }
    }
    $list = $words[$command]
    if ($choices.ContainsKey("$command $previous")) { $list = $choices["$command $previous"] }
    $list | Where-Object { $_ -like "$wordToComplete*" } | ForEach-Object {
        [System.Management.Automation.CompletionResult]::new($_)
    }
}
`

func pwshCompletion(w io.Writer, all []completed) error {
	var b strings.Builder
	b.WriteString("# graphwarden completion for PowerShell: graphwarden completion pwsh | Out-String | Invoke-Expression\n")
	b.WriteString("Register-ArgumentCompleter -Native -CommandName graphwarden -ScriptBlock {\n")
	b.WriteString("    param($wordToComplete, $commandAst, $cursorPosition)\n    $words = @{\n")
	for _, c := range all {
		all := strings.Fields(plainWords(c) + " " + flagWords(c))
		fmt.Fprintf(&b, "        %s = @(%s)\n", pwshQuote(c.name), pwshList(all))
	}
	b.WriteString("    }\n    $choices = @{\n")
	for _, c := range all {
		for _, f := range c.flags {
			if len(f.choices) > 0 {
				fmt.Fprintf(&b, "        %s = @(%s)\n", pwshQuote(c.name+" --"+f.name), pwshList(f.choices))
			}
		}
	}
	b.WriteString("    }\n" + pwshTail)
	_, err := io.WriteString(w, b.String())
	return err
}

func pwshList(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = pwshQuote(w)
	}
	return strings.Join(quoted, ", ")
}

// steps are the patterns by which a script walks from a command to its subcommand, as "ca/path".
func steps(all []completed) []string {
	var list []string
	for _, c := range all {
		if c.name == "" {
			continue
		}
		parent, word := "", c.name
		if i := strings.LastIndexByte(c.name, ' '); i >= 0 {
			parent, word = c.name[:i], c.name[i+1:]
		}
		list = append(list, `"`+parent+"/"+word+`"`)
	}
	return list
}

func flagWords(c completed) string {
	list := make([]string, len(c.flags))
	for i, f := range c.flags {
		list[i] = "--" + f.name
	}
	return strings.Join(list, " ")
}

func plainWords(c completed) string {
	list := make([]string, len(c.words))
	for i, d := range c.words {
		list[i] = d.word
	}
	return strings.Join(list, " ")
}

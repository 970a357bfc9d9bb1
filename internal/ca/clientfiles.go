package ca

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Two clients take the roots to trust from a configuration file alone; these are the files.
const (
	wgetFile  = "wgetrc"
	phpFolder = "php"
	phpFile   = "graphwarden.ini"
)

// WgetrcPath is a file for WGETRC that names the bundle: wget built on GnuTLS, as Debian's is, knows no variable for it.
// The file is brought up to date first.
func (a *Authority) WgetrcPath() (string, error) {
	bundle, err := a.BundlePath()
	if err != nil {
		return "", err
	}
	path := filepath.Join(a.dir, wgetFile)
	if err := writeIfChanged(path, []byte("ca_certificate = "+bundle+"\n"), 0o644); err != nil {
		return "", fmt.Errorf("write the settings of wget: %w", err)
	}
	return path, nil
}

// PHPFolder is a folder for PHP_INI_SCAN_DIR whose one file names the bundle for PHP's curl and for its streams. The file
// is brought up to date first.
func (a *Authority) PHPFolder() (string, error) {
	bundle, err := a.BundlePath()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(a.dir, phpFolder)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("make the folder of PHP's settings: %w", err)
	}
	value := iniQuote(bundle)
	settings := "curl.cainfo = " + value + "\nopenssl.cafile = " + value + "\n"
	if err := writeIfChanged(filepath.Join(dir, phpFile), []byte(settings), 0o644); err != nil {
		return "", fmt.Errorf("write the settings of PHP: %w", err)
	}
	return dir, nil
}

var iniEscapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`)

// iniQuote keeps a path as it is: between single quotes PHP changes nothing, but they cannot hold one of themselves.
func iniQuote(path string) string {
	if !strings.Contains(path, "'") {
		return "'" + path + "'"
	}
	return `"` + iniEscapes.Replace(path) + `"`
}

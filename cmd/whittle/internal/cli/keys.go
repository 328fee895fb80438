package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/whittle-oci/whittle/signing"
)

// maxPassword is the longest password file that is read, in bytes.
const maxPassword = 64 << 10

// password takes a password from a file, the environment or a terminal.
func (a *app) password(file, prompt string) ([]byte, error) {
	if p, ok, err := givenPassword(file); ok || err != nil {
		return p, err
	}
	in, err := a.terminal()
	if err != nil {
		return nil, err
	}
	return a.ask(in, prompt)
}

// givenPassword is the password of a file or the environment, which may be
// empty. ok is false where neither gives one.
func givenPassword(file string) (password []byte, ok bool, err error) {
	if file == "" {
		for _, env := range []string{"WHITTLE_KEY_PASSWORD", "COSIGN_PASSWORD"} {
			if v, ok := os.LookupEnv(env); ok {
				return []byte(v), true, nil
			}
		}
		return nil, false, nil
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, false, fmt.Errorf("reading the password: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxPassword+1))
	if err == nil && len(data) > maxPassword {
		err = fmt.Errorf("%s has more than %d bytes", file, maxPassword)
	}
	if err != nil {
		return nil, false, fmt.Errorf("reading the password: %w", err)
	}
	return bytes.TrimRight(data, "\r\n"), true, nil
}

// terminal is where a password can be asked for.
func (a *app) terminal() (*os.File, error) {
	in, ok := a.In.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return nil, errors.New("no password: set COSIGN_PASSWORD or give --key-password-file")
	}
	return in, nil
}

// ask reads a line from a terminal without showing it.
func (a *app) ask(in *os.File, prompt string) ([]byte, error) {
	fmt.Fprintf(a.Err, "%s: ", prompt)
	defer fmt.Fprintln(a.Err)
	return term.ReadPassword(int(in.Fd()))
}

// newPassword is password for a key that is made: one that is typed is typed
// twice.
func (a *app) newPassword(file string) ([]byte, error) {
	if p, ok, err := givenPassword(file); ok || err != nil {
		return p, err
	}
	in, err := a.terminal()
	if err != nil {
		return nil, err
	}
	first, err := a.ask(in, "password for the new key")
	if err != nil {
		return nil, err
	}
	second, err := a.ask(in, "the same again")
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(first, second) {
		return nil, errors.New("the two passwords differ")
	}
	return first, nil
}

func (a *app) keygenCommand() *cobra.Command {
	var prefix, passwordFile string
	c := &cobra.Command{
		Use:   "keygen",
		Short: "Make a key pair that whittle and cosign sign with",
		Long: `Keygen makes an ECDSA P-256 key pair in the format of cosign: PREFIX.key,
encrypted with a password, and PREFIX.pub, for those who verify. Files that are
there are not written over.`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			password, err := a.newPassword(passwordFile)
			if err != nil {
				return usage{err}
			}
			if err := signing.GenerateKeys(prefix, password); err != nil {
				if _, ok := errors.AsType[*signing.ExistsError](err); ok {
					return usage{err}
				}
				return err
			}
			_, err = fmt.Fprintf(a.Out, "%s.key\n%s.pub\n", prefix, prefix)
			return err
		},
	}
	c.Flags().StringVar(&prefix, "output-key-prefix", "cosign", "the files are PREFIX.key and PREFIX.pub")
	c.Flags().StringVar(&passwordFile, "key-password-file", "", passwordHelp)
	return c
}

// Gocgo calls a C library, so it cannot be made static without it.
package main

/*
#cgo LDFLAGS: -lz
#include <zlib.h>
*/
import "C"

import (
	"fmt"
	"net"
	"os/user"

	"example.test/gocgo/sum"
)

func main() {
	u, err := user.Current()
	if err != nil {
		fmt.Println("user:", err)
	} else {
		fmt.Println("user:", u.Uid)
	}
	_, err = net.LookupHost("localhost")
	fmt.Println("localhost:", err == nil)
	fmt.Println("zlib:", C.GoString(C.zlibVersion()) != "")
	fmt.Println("sum:", sum.Of(40, 2))
}

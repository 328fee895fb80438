#include <jni.h>

void uuid_generate(unsigned char out[16]);

JNIEXPORT jint JNICALL Java_com_example_nativ_Native_bits(JNIEnv *env, jclass class) {
	unsigned char id[16];
	uuid_generate(id);
	return (jint)sizeof id * 8;
}

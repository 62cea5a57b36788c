import './common/base.css';
import './page.css';
import { startApp } from './start';

void startApp();

import './common/base.css';
import './page.css';
import { tellNoStart } from './map/notice';
import { startApp } from './start';

startApp().catch(tellNoStart);
